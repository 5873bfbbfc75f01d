"""Numbered SQL migrations, `0001_name.sql` onwards. A released one never changes: add the next number."""
