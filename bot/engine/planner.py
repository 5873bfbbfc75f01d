"""Whose turn it is: which pictures take their next step together. Plain Python, no torch.

Shortest remaining work first, because that makes the mean wait least (Schrage 1968, "A proof of the
optimality of the shortest remaining processing time discipline"), with ageing, because it would let long
work starve: for every millisecond since it came, a picture is forgiven a share of its remaining work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Bucket(NamedTuple):
    """What can share a forward: one model at one size. Steps, strength, guidance and scheduler mix."""

    model: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """A picture that waits for its next step."""

    picture: T
    bucket: Bucket
    rows: int
    """Of one step: one, or two when it is guided."""
    remaining_ms: float
    """Of device time to its end, estimated."""
    since: float
    """When it came, in seconds."""


def choose(
    candidates: Sequence[Candidate[T]], cap: Callable[[Bucket], int], now: float, ageing: float
) -> list[T]:
    """The pictures of the next forward, all of one bucket; [] only when there are none.

    The first in line chooses the bucket and always goes; others of the bucket fill its rows up in their
    order, one that does not fit giving way to a smaller one behind it.

    Args:
        cap: most rows of one forward of a bucket. A picture with more goes all the same, by itself:
            its rows are then run one after another.
        now: in seconds, on the clock of `since`.
        ageing: see `EngineOptions.ageing`.
    """

    def urgency(candidate: Candidate[T]) -> float:
        return candidate.remaining_ms - ageing * 1000 * (now - candidate.since)

    line = sorted(candidates, key=urgency)
    chosen: list[T] = []
    rows = 0
    for candidate in line:
        if candidate.bucket != line[0].bucket:
            continue
        if not chosen or rows + candidate.rows <= cap(candidate.bucket):
            chosen.append(candidate.picture)
            rows += candidate.rows
    return chosen
