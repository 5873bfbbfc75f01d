"""Plain Python: the rules of Atelier. Knows neither Discord nor torch nor SQLite nor Pillow."""
