"""Checks of everything that a sweep needs, each with a remedy; they create and change nothing."""
