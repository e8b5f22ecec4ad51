"""Where every number of a table comes from, and whether it still is what the tracking store says."""
