"""Answers to what a user of the explorer chooses."""
