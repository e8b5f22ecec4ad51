"""The numbers of figures, computed before anything is drawn."""
