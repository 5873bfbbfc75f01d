"""Discord's ids: they grow with time, and say when they were made."""

from collections.abc import Callable, Iterator
from typing import Final, Self

DISCORD_EPOCH_MS: Final = 1_420_070_400_000
TIME_BITS: Final = 22
"""Below the milliseconds: room for the ids that are made within one."""

Clock = Callable[[], float]
"""Seconds since the epoch (UTC)."""


class Snowflakes(Iterator[int]):
    """A new id each time, larger than all before, also when the clock stands still or goes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> int:
        self._last = max(snowflake_at(self._clock()), self._last) + 1
        return self._last


def snowflake_at(seconds: float) -> int:
    """Smaller than any id of that time, larger than all before: for `before` and `after`."""
    return (int(seconds * 1000) - DISCORD_EPOCH_MS) << TIME_BITS


def made_at(snowflake: int) -> float:
    """When an id was made, in seconds since the epoch, to the millisecond."""
    return ((snowflake >> TIME_BITS) + DISCORD_EPOCH_MS) / 1000
