"""From an experiment file to finished trials."""
