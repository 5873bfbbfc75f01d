"""History: jobs and generations in SQLite, pictures in files named by their hash."""
