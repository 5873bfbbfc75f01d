"""How long a forward takes at so many rows, and from where on more rows do not pay."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

GAIN: Final = 1.1
"""A doubling of the rows pays when it raises the rows per second by this factor."""
REPEATS: Final = 3
PATIENCE: Final = 3.0
"""Seconds of measuring one model at one size; a slow machine stops at few rows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Milliseconds of one forward, measured at 1, 2, 4 ... rows."""

    ms: Mapping[int, float]

    @property
    def knee(self) -> int:
        """The last doubling of rows that still paid."""
        counts = sorted(self.ms)
        knee = counts[0]
        for rows in counts[1:]:
            if rows / self.ms[rows] < GAIN * knee / self.ms[knee]:
                break
            knee = rows
        return knee

    def forward_ms(self, rows: int) -> float:
        """Milliseconds of a forward of `rows`, interpolated; in proportion beyond what was measured."""
        counts = sorted(self.ms)
        above = bisect_left(counts, rows)
        if above == len(counts):
            return self.ms[counts[-1]] * rows / counts[-1]
        if above == 0:
            return self.ms[counts[0]]
        low, high = counts[above - 1], counts[above]
        return self.ms[low] + (self.ms[high] - self.ms[low]) * (rows - low) / (high - low)

    def row_ms(self, rows: int) -> float:
        """Milliseconds per row of a forward of `rows`."""
        return self.forward_ms(rows) / rows


def measure(
    forward: Callable[[int], None], most: int, clock: Callable[[], float], *, thorough: bool = False
) -> Profile:
    """Time `forward(rows)` at 1, 2, 4 ... `most` rows, the best of a few, as far as doubling pays.

    Args:
        forward: runs one forward to its end; an error ends the measuring, at one row it is passed on.
        clock: seconds.
        thorough: measure all the way, past the knee and however long it takes (for the benchmark).
    """
    spent = 0.0
    ms: dict[int, float] = {}
    rows = 1
    while rows <= most:
        try:
            ms[rows], seconds = _best(forward, rows, clock)
        except Exception:
            if not ms:
                raise
            break
        spent += seconds
        if not thorough and (Profile(ms).knee < rows or spent >= PATIENCE):
            break
        rows *= 2
    return Profile(ms)


def _best(forward: Callable[[int], None], rows: int, clock: Callable[[], float]) -> tuple[float, float]:
    """(the best in milliseconds, seconds of all that were timed)."""
    forward(rows)  # the first of a shape pays for what is then remembered; a compilation takes minutes
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < PATIENCE / 4:
        begun = clock()
        forward(rows)
        times.append(clock() - begun)
    return min(times) * 1000, sum(times)
