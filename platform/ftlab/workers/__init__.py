"""Train the trials of a study with Ray: session, workers, events and metrics."""
