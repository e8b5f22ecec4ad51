"""A table with everything behind it in one folder that can be read without a server."""
