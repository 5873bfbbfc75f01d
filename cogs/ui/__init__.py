"""What Discord users see and press."""
