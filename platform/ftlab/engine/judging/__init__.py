"""Judge without training: floors, and evaluations on other images, kept and recorded."""
