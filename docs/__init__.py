"""Documentation, and what writes its generated parts."""
