"""The whole service on a clock that nobody waits for: what fairness and forecasts are worth over hours."""
