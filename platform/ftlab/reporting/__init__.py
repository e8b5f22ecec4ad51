"""Tables and figures of recorded trials."""
