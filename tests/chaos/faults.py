"""Discord's bad moments: now and then an edit or a post does not go as it should."""

import random
from collections.abc import Iterator
from typing import Final

from tests.loopback.answers import (
    ACCEPTED_THEN_DROPPED,
    DROPPED,
    OK,
    Answer,
    failed,
    rate_limited,
)
from tests.loopback.server import CHANNEL_MESSAGES, DIRECT_MESSAGES, FOLLOWUP, LoopbackDiscord

EDITS_AND_POSTS: Final = (
    ("PATCH", "*"),
    ("POST", FOLLOWUP),
    ("POST", CHANNEL_MESSAGES),
    ("POST", DIRECT_MESSAGES),
)


class Faults:
    """A share of all edits and posts, until it is over."""

    def __init__(self, rng: random.Random, share: float) -> None:
        self._rng = rng
        self._share = share
        self.over = False

    def fall_on(self, discord: LoopbackDiscord) -> None:
        """From now on."""
        for method, pattern in EDITS_AND_POSTS:
            discord.answer(method, pattern, self._answers())

    def _answers(self) -> Iterator[Answer | None]:
        while not self.over:
            yield self._fault() if self._rng.random() < self._share else OK

    def _fault(self) -> Answer:
        retry_after = self._rng.uniform(0.05, 0.3)
        return self._rng.choice((failed(500), rate_limited(retry_after), DROPPED, ACCEPTED_THEN_DROPPED))
