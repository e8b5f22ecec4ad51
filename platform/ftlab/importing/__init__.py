"""Check the records of another home's journal, and bring them into this one."""
