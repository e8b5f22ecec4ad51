"""The price of a study before it is trained, and how its trials share the machine."""
