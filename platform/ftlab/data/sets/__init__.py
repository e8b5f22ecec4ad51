"""Data sets, each with its reader."""
