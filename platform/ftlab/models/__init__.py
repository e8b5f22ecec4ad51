"""Encoders and pretraining methods."""
