"""A package outside ftlab that adds a method, a backbone, a data set and a view recipe."""
