"""The figures of what an address chooses, with the data that they show."""
