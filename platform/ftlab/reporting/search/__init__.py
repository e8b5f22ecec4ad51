"""The results of a search: numbers, drawings and files."""
