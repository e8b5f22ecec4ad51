"""Folders whose files are there whole or not at all, on a disk or in an object store that all nodes reach."""
