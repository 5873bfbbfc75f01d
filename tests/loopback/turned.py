"""A clock that stands still until it is turned."""

import time


class TurnedClock:
    """Begins now, as the bot's own clock has it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now
