"""Recording what a study trains."""
