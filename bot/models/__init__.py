"""Package data: the built-in catalogue and its model."""
