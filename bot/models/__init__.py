"""Package data: the built-in catalogue."""
