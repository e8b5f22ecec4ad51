"""Trace every number of a table to its trials, and verify it against the tracking store."""
