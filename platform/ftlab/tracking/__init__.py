"""Record the trials of a study, and read them back."""
