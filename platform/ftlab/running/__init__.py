"""Train a trial, and hand out, claim and follow the trials of a study; knows no Ray."""
