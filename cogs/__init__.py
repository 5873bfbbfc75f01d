"""Discord cogs: thin. Each command reads its options, calls the service, and shows the card."""
