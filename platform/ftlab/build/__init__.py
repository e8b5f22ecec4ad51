"""From a config to data, encoders, optimiser and trainer: the only place where settings meet classes."""
