"""When the bot is killed: some time in its life, while it starts, or in a dangerous moment."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.loopback.script import Call
from tests.loopback.server import (
    ANSWER,
    CALLBACK,
    CHANNEL_MESSAGE,
    CHANNEL_MESSAGES,
    DIRECT_MESSAGES,
    FOLLOWUP,
    ORIGINAL,
)

LONGEST_LIFE: Final = 2.0
"""Seconds from being ready."""
TOO_LONG: Final = 3.0
"""Seconds from being ready, after which nobody waits for a moment that does not come."""


class Moment(StrEnum):
    """Of a request to Discord."""

    READ = "read"
    """Discord has it and is going to do it."""
    DONE = "done"
    """It is done; the bot does not know yet."""
    ANSWERED = "answered"
    """The bot has been told, a moment ago."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The n-th request to a route in this life, from 1."""

    method: str
    pattern: str
    uploads: bool
    nth: int
    moment: Moment
    delay: float
    """Seconds from the answer, for `ANSWERED`."""


@dataclass(frozen=True, slots=True)
class Death:
    """`after` seconds from being ready, or from the start; before that if the aim is met."""

    after: float
    starting: bool = False
    aim: Aim | None = None


TARGETS: Final = (
    ("POST", CALLBACK, False),
    ("PATCH", ORIGINAL, False),
    ("PATCH", ORIGINAL, True),
    ("PATCH", ANSWER, False),
    ("PATCH", ANSWER, True),
    ("POST", CHANNEL_MESSAGES, False),
    ("PATCH", CHANNEL_MESSAGE, False),
    ("PATCH", CHANNEL_MESSAGE, True),
    ("POST", FOLLOWUP, False),
    ("POST", DIRECT_MESSAGES, False),
)
"""Method, route, and whether pictures come with it. Common ones first."""
COMMON: Final = 3


def draw(rng: random.Random, *, start_up: float) -> Death:
    """Any of them. `start_up` is about how many seconds a start takes."""
    kind = rng.random()
    if kind < 0.2:
        return Death(rng.uniform(0.1, 1.2) * start_up, starting=True)
    if kind < 0.55:
        return Death(rng.uniform(0.05, LONGEST_LIFE))
    method, pattern, uploads = rng.choice(TARGETS[:COMMON] if rng.random() < 0.5 else TARGETS)
    aim = Aim(
        method,
        pattern,
        uploads,
        rng.choice((1, 1, 1, 2, 3, 5)),
        rng.choice(list(Moment)),
        rng.uniform(0, 0.02),
    )
    return Death(TOO_LONG, aim=aim)


class Watch:
    """Looks out for one aim, and says when it is met."""

    def __init__(self, aim: Aim | None) -> None:
        self._aim = aim
        self._mark: Call | None = None
        self._seen = 0

    def sees(self, call: Call) -> Moment | None:
        """The moment that has come for the request aimed at; called when it is read, and when it is done."""
        aim = self._aim
        if aim is None:
            return None
        if call.status is None and call.matches(aim.method, aim.pattern, uploads=aim.uploads):
            self._seen += 1
            if self._seen == aim.nth:
                self._mark = call
        if call is not self._mark:
            return None
        if call.status is None:
            return Moment.READ if aim.moment is Moment.READ else None
        return aim.moment if aim.moment is not Moment.READ else None
