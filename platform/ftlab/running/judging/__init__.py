"""Features that evaluations of the same encoder share."""
