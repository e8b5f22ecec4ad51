"""Turn an experiment file into trials with names, and plan those that are missing."""
