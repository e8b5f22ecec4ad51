"""Pretraining methods, each a class whose step reads like the paper's algorithm."""
