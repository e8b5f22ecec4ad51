"""Checks of everything that a sweep needs, each with its cure; they create and change nothing."""
