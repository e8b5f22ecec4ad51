"""Lines and tables that people read on a terminal."""
