"""Build data, encoders, optimiser and trainer from settings; the only place where settings meet classes."""
