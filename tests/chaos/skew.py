"""Downtime without waiting for it: while the bot is away, its clock and Discord's are turned on."""

import random
import time
from typing import Final

LONG: Final = 150.0
"""Seconds: nonces are forgotten."""
LONGER: Final = 16 * 60.0
"""Seconds: tokens are over."""


class TurnedOn:
    """The time, ahead of the real one by what the bot's downtimes add up to."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def pass_downtime(self, rng: random.Random, share: float) -> None:
        """After a share of all deaths the bot stays away for long; after a third of those, for longer."""
        if rng.random() < share:
            self.ahead += LONGER if rng.random() < 1 / 3 else LONG
