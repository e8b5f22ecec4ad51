"""The tracking store in MLflow."""
