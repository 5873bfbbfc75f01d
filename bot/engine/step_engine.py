"""Many pictures at once: requests join and leave between denoising steps.

A step does not care whose picture it is. Pictures of one model and size share a forward, whatever their
steps, strength, guidance, scheduler and kind; a model without a family is run by its pipeline, one picture
at a time, in between.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from bot.core.catalog import Capabilities
from bot.core.errors import DeviceLostError, EngineStalledError
from bot.core.jobs import Picture, Render
from bot.core.ports import DeviceReport, OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.engine.denoising import Order
from bot.engine.host import Host
from bot.engine.pipeline_engine import check_source
from bot.engine.shift import Loading, Shift
from bot.engine.tally import Tally


class StepEngine:
    """The `Engine` port, with step-level batching."""

    def __init__(self, host: Host, clock: Callable[[], float] = time.perf_counter) -> None:
        self._host = host
        self._clock = clock
        self._shift = Shift(host, clock)

    @property
    def slots(self) -> int:
        """How many pictures it has use for at once."""
        return self._host.options.slots

    @property
    def tally(self) -> Tally:
        """What it has done since it was last started anew."""
        return self._shift.batcher.tally

    async def load(self, model: str) -> Capabilities:
        """See `Engine.load`. Measures the model at its own size as well."""
        return await self._shift.serve(Loading(self._host.catalog.get(model).name))

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        """See `Engine.generate`. `source` has the recipe's size already.

        Raises:
            ValueError: a remix without a source or with one of another size, or a source for
                something else than a remix.
        """
        self._host.catalog.get(recipe.model)
        check_source(recipe, source)
        report = self._host.thread.teller(on_step)
        show = on_preview and self._host.thread.teller(on_preview)
        return await self._shift.serve(Order(recipe, source, report, show, self._clock()))

    def estimate(self, recipe: Recipe) -> float | None:
        """See `Engine.estimate`. None for a model that is run by its pipeline."""
        return self._shift.batcher.lanes.estimate(recipe)

    async def report(self) -> DeviceReport:
        """See `Engine.report`."""
        return replace(self._host.report(), batches=self._shift.batcher.lanes.caps)

    async def restart(self, seconds: float) -> None:
        """See `Engine.restart`. What was measured is kept."""
        stalled = self._shift
        try:
            host = self._host.start_anew(seconds)
        except DeviceLostError as error:
            stalled.end(error)
            raise
        if host is self._host:
            return  # closed
        self._host = host
        self._shift = Shift(host, self._clock, stalled.batcher.lanes.copy())
        stalled.end(EngineStalledError(seconds))

    async def close(self) -> None:
        """See `Engine.close`."""
        await self._shift.close()
