"""Who stands where, and for how long still: told to every waiting job, and to whoever looks."""

import asyncio
from collections.abc import Mapping
from typing import Final

from bot.core.estimates import Estimates
from bot.core.forecast import Work, forecast
from bot.core.ids import JobId
from bot.core.jobs import Job, Queued
from bot.core.live import LiveJob, Standing
from bot.core.ports import Engine
from bot.core.queue import FairQueue

GAP: Final = 0.25
"""Seconds between two looks at who waits where: many may come at the same moment."""


class Board:
    """Reads the queue and the live jobs; changes neither."""

    def __init__(
        self,
        queue: FairQueue,
        live: Mapping[JobId, LiveJob],
        estimates: Estimates,
        engine: Engine,
        gap: float = GAP,
    ) -> None:
        self.stopping = False
        """Whether nothing begins any more."""
        self._queue = queue
        self._live = live
        self._estimates = estimates
        self._engine = engine
        self._gap = gap
        self._timer: asyncio.TimerHandle | None = None
        self._changed = False

    def tell(self) -> None:
        """Tell all who wait where they stand: now, or soon where that was done just before."""
        if self._timer:
            self._changed = True
            return
        self._changed = False
        line = self._line()
        ends = self._ends(line)
        for position, live in enumerate(line, 1):
            eta = None if self.stopping else self._eta(live.job, ends)
            live.feed.emit(Queued(position, eta, self.stopping))
        if self._gap:
            self._timer = asyncio.get_running_loop().call_later(self._gap, self._tell_changes)

    def close(self) -> None:
        """Tell nothing any more."""
        if self._timer:
            self._timer.cancel()

    def standings(self) -> list[Standing]:
        """All that runs, then all that waits in the order of its turns."""
        line = self._line()
        ends = self._ends(line)
        running = [live for live in self._live.values() if live.task]
        return [
            Standing(live.job, position, self._eta(live.job, ends), live.progress)
            for position, live in (*((0, live) for live in running), *enumerate(line, 1))
        ]

    def spent(self, live: LiveJob) -> float:
        """Device milliseconds that went into a job so far, estimated."""
        return live.share_done * self._estimates.milliseconds(live.job.recipes)

    def _line(self) -> list[LiveJob]:
        """Who waits, in the order of their turns; nobody of whom the service has let go as it closes."""
        return [self._live[job.job_id] for job in self._queue.order() if job.job_id in self._live]

    def _tell_changes(self) -> None:
        self._timer = None
        if self._changed:
            self.tell()

    def _ends(self, line: list[LiveJob]) -> Mapping[JobId, float]:
        running = [self._left(live) for live in self._live.values() if live.task]
        seen: set[int] = set()
        waiting = []
        for live in line:
            waiting.append(self._left(live, behind_own=live.job.origin.user_id in seen))
            seen.add(live.job.origin.user_id)
        return forecast(running, waiting, self._engine.slots)

    def _left(self, live: LiveJob, *, behind_own: bool = False) -> Work:
        """As is thought now: what the queue was told when the job joined may have been a first guess."""
        cost = self._estimates.milliseconds(live.job.recipes) - self.spent(live)
        return Work(live.job.id, live.pictures, cost, behind_own)

    def _eta(self, job: Job, ends: Mapping[JobId, float]) -> float | None:
        return ends.get(job.id) if self._estimates.knows(job.recipe) else None
