"""What keeps a message that is sent twice from being made twice."""

from typing import Final

from tests.loopback.ids import Clock

NONCE_LIFE: Final = 2 * 60.0
"""Seconds ("the past few minutes", Discord's documentation says)."""
LONGEST: Final = 25
"""Characters."""


class Nonces:
    """Which message each nonce of the bot made, until it is forgotten."""

    def __init__(self, clock: Clock, life: float) -> None:
        self._clock = clock
        self._life = life
        self._made: dict[str, tuple[float, int]] = {}

    def remember(self, nonce: str, message_id: int) -> None:
        """From now on, and for as long as a nonce lives."""
        self._made[nonce] = self._clock(), message_id

    def message_of(self, nonce: str) -> int | None:
        """The message that was made with it, if that is not too long ago."""
        at, message_id = self._made.get(nonce, (0.0, None))
        return message_id if self._clock() - at < self._life else None
