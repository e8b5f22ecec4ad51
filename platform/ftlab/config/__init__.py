"""Schemas of a trial, an experiment and a profile, and how files and overrides become them."""
