"""From recorded trials to tables and figures."""
