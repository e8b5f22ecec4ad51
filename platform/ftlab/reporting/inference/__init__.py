"""Inference from a few seeds: intervals, tests, power and rates, from numbers alone."""
