"""An engine that shares its device as the step engine does, and takes its time from a profile.

What it leaves out: models that come and go, memory that runs out, and the reading of prompts.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bot.core.catalog import Capabilities, ModelSpec
from bot.core.jobs import Picture, Render
from bot.core.ports import DeviceReport, OnPreview, OnStep
from bot.core.progress import planned_steps
from bot.core.recipe import Recipe
from bot.engine.options import EngineOptions
from bot.engine.planner import Bucket, Candidate, choose
from bot.engine.profile import Profile

SMALL_CARD: Final = Profile({1: 30.0, 2: 45.0, 4: 80.0, 8: 150.0})
"""Of a card that four rows fill."""
BIG_CARD: Final = Profile({1: 24.0, 2: 25.0, 4: 28.0, 8: 38.0, 16: 66.0, 32: 124.0})
"""Of one that takes sixteen."""
DECODES_AT_ONCE: Final = 4
DOT: Final = Picture(1, 1, b"dot")
"""What every picture looks like: nobody looks at them."""


@dataclass(eq=False)
class _Picture:
    """One under way."""

    recipe: Recipe
    on_step: OnStep
    since: float
    bucket: Bucket
    rows: int
    steps: int
    pace: float
    outcome: asyncio.Future[Render]
    step: int = 0
    device_ms: float = 0.0
    stopped: bool = False


class SimulatedEngine:
    """Implements `Engine`. The first word of a prompt says whose picture it is."""

    def __init__(
        self,
        spec: ModelSpec,
        profile: Profile = SMALL_CARD,
        *,
        slots: int = 16,
        pace: Callable[[Recipe], float] = lambda _recipe: 1.0,
    ) -> None:
        """`profile` is of the model's own size; `pace` is what a picture takes in truth, as a multiple of
        what the profile says."""
        self.slots = slots
        self.spent: defaultdict[str, float] = defaultdict(float)
        """Milliseconds of the device, by owner."""
        self._spec = spec
        self._profile = profile
        self._cap = max(profile.knee, 2)
        self._row_ms = profile.row_ms(self._cap)
        self._pace = pace
        self._ageing = EngineOptions().ageing
        self._active: list[_Picture] = []
        self._over: list[_Picture] = []
        self._turning = False

    async def load(self, model: str) -> Capabilities:  # noqa: ARG002 - the port's
        return Capabilities()

    async def generate(
        self,
        recipe: Recipe,
        source: Picture | None,  # noqa: ARG002 - the port's
        on_step: OnStep,
        on_preview: OnPreview | None = None,  # noqa: ARG002 - the port's
    ) -> Render:
        loop = asyncio.get_running_loop()
        bucket = Bucket(recipe.model, recipe.width, recipe.height)
        picture = _Picture(
            recipe,
            on_step,
            loop.time(),
            bucket,
            rows=_rows(recipe),
            steps=planned_steps(recipe),
            pace=self._pace(recipe),
            outcome=loop.create_future(),
        )
        self._active.append(picture)
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn)
        try:
            await asyncio.wait({picture.outcome})
        except asyncio.CancelledError:
            picture.stopped = True
            await asyncio.wait({picture.outcome})
            raise
        return picture.outcome.result()

    def estimate(self, recipe: Recipe) -> float | None:
        """As `Lanes.estimate`, of one bucket that is measured."""
        row_ms = self._row_ms * self._size(recipe.width, recipe.height)
        return planned_steps(recipe) * _rows(recipe) * row_ms

    async def report(self) -> DeviceReport:
        return DeviceReport("virtual", "fp16", (self._spec.name,))

    async def restart(self, seconds: float) -> None:
        raise AssertionError(f"it never stands still, and is said to have for {seconds} s")

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _turn(self) -> None:
        """A decode if one waits, else one step of those whose turn it is; time passes, then the next."""
        self._drop_stopped()
        now = asyncio.get_running_loop().time()
        if self._over:
            bucket = self._over[0].bucket
            batch = [each for each in self._over if each.bucket == bucket][:DECODES_AT_ONCE]
            self._take(batch, [1] * len(batch), self._hand_out)
        elif chosen := choose(
            [self._candidate(each) for each in self._active], self._most, now, self._ageing
        ):
            self._take(chosen, [each.rows for each in chosen], self._advance)
        else:
            self._turning = False

    def _drop_stopped(self) -> None:
        for line in (self._active, self._over):
            for picture in [each for each in line if each.stopped]:
                line.remove(picture)
                picture.outcome.cancel()

    def _take(self, batch: list[_Picture], rows: list[int], then: Callable[[list[_Picture]], None]) -> None:
        """The device is busy for as long as a forward of so many rows takes; a decode counts as a row."""
        bucket = batch[0].bucket
        row_ms = self._profile.row_ms(sum(rows)) * self._size(bucket.width, bucket.height)
        busy = 0.0
        for picture, count in zip(batch, rows, strict=True):
            share = count * row_ms * picture.pace
            busy += share
            picture.device_ms += share
            self.spent[_owner(picture.recipe)] += share
        asyncio.get_running_loop().call_later(busy / 1000, self._land, batch, then)

    def _land(self, batch: list[_Picture], then: Callable[[list[_Picture]], None]) -> None:
        then(batch)
        self._turn()

    def _advance(self, batch: list[_Picture]) -> None:
        for picture in batch:
            picture.step += 1
            picture.on_step(picture.step, picture.steps)
            if picture.step == picture.steps:
                self._active.remove(picture)
                self._over.append(picture)

    def _hand_out(self, batch: list[_Picture]) -> None:
        for picture in batch:
            self._over.remove(picture)
            picture.outcome.set_result(
                Render(
                    picture=DOT,
                    recipe=replace(picture.recipe, scheduler="DDIMScheduler"),
                    steps_run=picture.steps,
                    seconds=picture.device_ms / 1000,
                )
            )

    def _candidate(self, picture: _Picture) -> Candidate[_Picture]:
        row_ms = self._row_ms * self._size(picture.bucket.width, picture.bucket.height)
        left = (picture.steps - picture.step) * picture.rows * row_ms
        return Candidate(picture, picture.bucket, picture.rows, left, picture.since)

    def _most(self, _bucket: Bucket) -> int:
        return self._cap

    def _size(self, width: int, height: int) -> float:
        """The pixels of a picture, relative to those that were measured."""
        return width * height / (self._spec.width * self._spec.height)


def _rows(recipe: Recipe) -> int:
    return 2 if recipe.guidance_scale > 1 else 1


def _owner(recipe: Recipe) -> str:
    return recipe.prompt.split()[0]
