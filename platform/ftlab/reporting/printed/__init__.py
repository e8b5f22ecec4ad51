"""The printed form of a table: its layout, labels and notes."""
