"""Notices when the engine stands still, and has it started anew."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bot.core.errors import DeviceLostError
from bot.core.estimates import Estimates
from bot.core.ids import JobId
from bot.core.live import LiveJob
from bot.core.ports import Clock, Engine

log = logging.getLogger(__name__)

FACTOR: Final = 20.0
"""Times the expected time of a step that may pass without one."""
LEAST: Final = 60.0
"""Seconds that may pass in any case: a machine can be busy with something else."""
FIRST_STEP: Final = 900.0
"""Seconds for the first step of a job: its model may have to be loaded, measured and compiled."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks."""


class Watchdog:
    """Told of every step and every end; acts when they have been missing for too long."""

    def __init__(
        self,
        engine: Engine,
        live: Mapping[JobId, LiveJob],
        estimates: Estimates,
        clock: Clock,
        lose: Callable[[DeviceLostError], None],
    ) -> None:
        """`lose` hears of a device that cannot be started anew."""
        self._engine = engine
        self._live = live
        self._estimates = estimates
        self._clock = clock
        self._lose = lose
        self._last = clock.monotonic()

    def sign(self) -> None:
        """Something moved."""
        self._last = self._clock.monotonic()

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:  # whatever a restart meets with, the next look may find better
                log.exception("the engine could not be started anew")

    async def look(self) -> None:
        """Start the engine anew if it has stood still for too long: what it had under way fails then, and is
        tried again by the service."""
        at_work = [live for live in self._live.values() if live.work and not live.made]
        if not at_work:
            self.sign()
            return
        silent = self._clock.monotonic() - self._last
        if silent <= self._allowed(at_work):
            return
        names = ", ".join(live.job.id for live in at_work)
        log.error("the engine has made no progress for %.0f s (jobs %s): starting it anew", silent, names)
        self.sign()
        try:
            await self._engine.restart(silent)
        except DeviceLostError as error:
            self._lose(error)

    def _allowed(self, at_work: Sequence[LiveJob]) -> float:
        """Seconds that may pass without any sign."""
        step = max(self._estimates.step_milliseconds(live.job.recipes) for live in at_work) / 1000
        expected = step * sum(live.pictures for live in at_work)
        at_first = any(live.progress is None or live.progress.step == 0 for live in at_work)
        return max(LEAST, FACTOR * expected, FIRST_STEP if at_first else 0.0)
