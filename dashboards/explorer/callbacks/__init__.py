"""The callbacks that answer the choices of the explorer's user."""
