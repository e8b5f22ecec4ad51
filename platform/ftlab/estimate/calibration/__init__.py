"""Calibrate the costs of a trial by a few of its steps, in other processes."""
