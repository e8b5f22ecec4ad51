"""Measure what a trial costs by a few real steps of it, in processes of their own."""
