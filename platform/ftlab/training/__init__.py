"""The training loop, its random streams, its checkpoints and its probes."""
