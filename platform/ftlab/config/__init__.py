"""Schemas of trials, experiments, profiles and searches, and the loading of files and overrides."""
