"""From an experiment file to trials with names, and to the plan of those that are missing."""
