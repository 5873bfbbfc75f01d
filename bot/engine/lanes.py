"""What the device does with one model at one size: how long a row takes, and how many rows pay."""

import logging
from collections.abc import Callable

from bot.engine.families.family import Family
from bot.engine.options import EngineOptions
from bot.engine.planner import Bucket
from bot.engine.profile import Profile, measure

log = logging.getLogger(__name__)


class Lane:
    """Measured when first used. `cap` falls when memory runs out, and stays there."""

    def __init__(self, profile: Profile, cap: int) -> None:
        self.profile = profile
        self.cap = cap
        self.row_ms = profile.row_ms(cap)
        """Milliseconds of device time that a row takes in a full forward."""


class Lanes:
    """One per bucket, for the device's thread; numbers only, so they outlive their model."""

    def __init__(self, options: EngineOptions, clock: Callable[[], float]) -> None:
        self._options = options
        self._clock = clock
        self._lanes: dict[Bucket, Lane] = {}

    def get(self, bucket: Bucket, family: Family) -> Lane:
        """The lane, measured if need be. Raises what a forward of one row raises."""
        if bucket not in self._lanes:
            self._lanes[bucket] = self._measure(bucket, family)
        return self._lanes[bucket]

    def cap(self, bucket: Bucket) -> int:
        """Most rows of one forward of a bucket that has been measured."""
        return self._lanes[bucket].cap

    def lower(self, bucket: Bucket, cap: int) -> None:
        """No more than `cap` rows from now on."""
        self._lanes[bucket].cap = cap

    @property
    def caps(self) -> dict[str, int]:
        """For `DeviceReport.batches`."""
        return {f"{b.model} {b.width}x{b.height}": lane.cap for b, lane in self._lanes.items()}

    def _measure(self, bucket: Bucket, family: Family) -> Lane:
        def forward(rows: int) -> None:
            family.warm_up(rows, bucket.width, bucket.height)

        exact = self._options.exact_rows
        if exact:
            forward(exact)  # compiled, where that is wanted
            profile = Profile({exact: measure(lambda _rows: forward(exact), 1, self._clock).ms[1]})
            if family.is_even(exact, bucket.width, bucket.height):
                return Lane(profile, exact)
            log.warning(
                "%d rows of %s differ in their last bits by place; each runs by itself", exact, bucket
            )
            return Lane(profile, 1)
        fixed = self._options.fixed_rows
        profile = measure(forward, 1 if fixed else self._options.max_rows, self._clock)
        return Lane(profile, fixed or profile.knee)
