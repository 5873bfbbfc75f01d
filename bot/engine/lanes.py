"""What the device does with one model at one size: how long a row takes, and how many rows pay."""

import logging
from collections.abc import Callable
from math import log as ln
from typing import Final

from bot.core.recipe import Recipe
from bot.core.strength import steps_run
from bot.engine.families.family import Family
from bot.engine.options import EngineOptions
from bot.engine.planner import Bucket
from bot.engine.profile import Profile, measure

log = logging.getLogger(__name__)

_PAIR: Final = 2
"""Rows of one guided picture."""
_GUIDED: Final = 2.0
"""A guidance for which a model that can be guided takes a second row."""


class Lane:
    """Measured when first used, never changed: a lower cap makes another."""

    def __init__(self, profile: Profile, cap: int, *, guided: bool) -> None:
        self.profile = profile
        self.cap = cap
        """Most rows of one forward."""
        self.guided = guided
        """Whether guidance takes a second row."""
        self.row_ms = profile.row_ms(cap)
        """Milliseconds of device time that a row takes in a full forward."""


class Lanes:
    """One per bucket, for the device's thread, but for `estimate` and `caps`; numbers only, so they
    outlive their model."""

    def __init__(self, options: EngineOptions, clock: Callable[[], float]) -> None:
        self._options = options
        self._clock = clock
        # Replaced, never changed: who reads them on another thread has one that stays as it is.
        self._lanes: dict[Bucket, Lane] = {}
        self._evaluations: dict[tuple[str, str | None], int] = {}
        """(model, scheduler) -> how often a step evaluates the model."""

    def copy(self) -> "Lanes":
        """What has been measured so far, for another thread to go on from. From any thread."""
        lanes = Lanes(self._options, self._clock)
        lanes._lanes, lanes._evaluations = self._lanes, self._evaluations
        return lanes

    def get(self, bucket: Bucket, family: Family) -> Lane:
        """The lane, measured if need be. Raises what a forward of one row raises."""
        if bucket not in self._lanes:
            self._lanes = {**self._lanes, bucket: self._measure(bucket, family)}
        return self._lanes[bucket]

    def cap(self, bucket: Bucket) -> int:
        """Most rows of one forward of a bucket that has been measured."""
        return self._lanes[bucket].cap

    def lower(self, bucket: Bucket, cap: int) -> None:
        """No more than `cap` rows from now on: memory ran out."""
        old = self._lanes[bucket]
        self._lanes = {**self._lanes, bucket: Lane(old.profile, cap, guided=old.guided)}

    def learn_scheduler(self, model: str, name: str | None, evaluations: int) -> None:
        """How often each step of a scheduler evaluates the model (Heun's: twice)."""
        if self._evaluations.get((model, name)) != evaluations:
            self._evaluations = {**self._evaluations, (model, name): evaluations}

    def estimate(self, recipe: Recipe) -> float | None:
        """See `Engine.estimate`. From any thread."""
        pixels = recipe.width * recipe.height
        measured = [
            (bucket.width * bucket.height, lane)
            for bucket, lane in self._lanes.items()
            if bucket.model == recipe.model
        ]
        if not measured:
            return None
        its_pixels, lane = min(measured, key=lambda each: abs(ln(each[0] / pixels)))
        steps = recipe.num_inference_steps
        if recipe.strength is not None:
            steps = steps_run(steps, recipe.strength)
        evaluations = steps * self._evaluations.get((recipe.model, recipe.scheduler), 1)
        rows = 2 if lane.guided and recipe.guidance_scale > 1 else 1
        return evaluations * rows * lane.row_ms * pixels / its_pixels

    @property
    def caps(self) -> dict[str, int]:
        """For `DeviceReport.batches`."""
        return {f"{b.model} {b.width}x{b.height}": lane.cap for b, lane in self._lanes.items()}

    def _measure(self, bucket: Bucket, family: Family) -> Lane:
        def forward(rows: int) -> None:
            family.warm_up(rows, bucket.width, bucket.height)

        guided = family.is_guided(_GUIDED)
        exact = self._options.exact_rows
        if exact:
            forward(exact)  # compiled, where that is wanted
            profile = Profile({exact: measure(lambda _rows: forward(exact), 1, self._clock).ms[1]})
            if family.is_even(exact, bucket.width, bucket.height):
                return Lane(profile, exact, guided=guided)
            log.warning(
                "%d rows of %s differ in their last bits by place; each runs by itself", exact, bucket
            )
            return Lane(profile, 1, guided=guided)
        fixed = self._options.fixed_rows
        profile = measure(forward, 1 if fixed else self._options.max_rows, self._clock)
        # A guided picture's two rows go together whatever the measuring says, as in diffusers: a noisy
        # machine must not change a picture's last bits from one start to the next.
        pair = min(_PAIR, self._options.max_rows)
        return Lane(profile, fixed or max(profile.knee, pair), guided=guided)
