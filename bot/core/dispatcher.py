"""From the queue to the engine: jobs begin when it is their turn and there is use for them, and end once."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Final

from bot.core.board import Board
from bot.core.errors import AtelierError, DeviceLostError, EngineStalledError
from bot.core.estimates import Estimates
from bot.core.feed import Feed
from bot.core.ids import JobId
from bot.core.jobs import Cancelled, Failed, Finished, Job, JobStatus, Outcome, Suspended
from bot.core.live import LiveJob
from bot.core.making import JobMaker
from bot.core.messages import explain
from bot.core.ports import Clock, Engine, JobStore
from bot.core.queue import FairQueue, Waiting
from bot.core.rules import RuleBook
from bot.core.runner import JobRunner
from bot.core.watchdog import Watchdog

log = logging.getLogger(__name__)

MOST_CRASHES: Final = 2
"""A job that has taken the process with it so often is not tried again."""
LAST_WRITES: Final = 30.0
"""Seconds for running jobs to stop and to be written down when the service closes."""


class Dispatcher:
    """Begins jobs, sees each through, and writes down how those ended that made nothing."""

    def __init__(
        self,
        *,
        engine: Engine,
        jobs: JobStore,
        maker: JobMaker,
        load: Callable[[str], Awaitable[None]],
        clock: Clock,
        queue: FairQueue,
        rules: RuleBook,
        live: dict[JobId, LiveJob],
        estimates: Estimates,
        board: Board,
    ) -> None:
        """`live` is shared with whoever asks about jobs; only the dispatcher adds to it and takes from it."""
        self.device_lost = asyncio.Event()
        """Set when the engine's device will not work again until the process is started anew."""
        self.loss: DeviceLostError | None = None
        self.watchdog = Watchdog(engine, live, estimates, clock, self._lose_device)
        self._engine = engine
        self._jobs = jobs
        self._clock = clock
        self._queue = queue
        self._rules = rules
        self._live = live
        self._estimates = estimates
        self._board = board
        self._runner = JobRunner(jobs=jobs, maker=maker, load=load, clock=clock, moved=self.watchdog.sign)
        self._work = asyncio.Event()
        self._beside: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin jobs from now on, and look whether the engine moves."""
        self._beside = [
            asyncio.create_task(self._pump(), name="generation-pump"),
            asyncio.create_task(self.watchdog.run(), name="generation-watchdog"),
        ]

    async def drain(self, grace: float) -> None:
        """Begin nothing more, and give what runs `grace` seconds to end."""
        self._stop_beginning()
        if running := self._running():
            await asyncio.wait(running, timeout=grace)

    async def close(self) -> None:
        """Stop what runs between two steps; it is put back into the queue, on record."""
        self._stop_beginning()
        for live in self._live.values():
            live.stop()
        # The device must be free before we go on, and what is made be kept.
        if tasks := [*self._beside, *self._running()]:
            _, late = await asyncio.wait(tasks, timeout=LAST_WRITES)
            await self._leave_behind(late)

    def join(self, job: Job, feed: Feed) -> None:
        """A job that waits from now on; it is on record already."""
        self._live[job.id] = LiveJob(job, feed)
        self._queue.join(
            Waiting(
                job_id=job.id,
                user_id=job.origin.user_id,
                cost=self._estimates.milliseconds(job.recipes),
                weight=job.weight,
                running_limit=self._rules.of(job.origin.guild_id).running_per_user,
                alone=job.crashes > 0,
            )
        )
        self._board.tell()
        self._work.set()

    def end(self, live: LiveJob, outcome: Outcome) -> None:
        """Let go of a job, whose end is on record, and tell everyone."""
        spent = self._board.spent(live)
        if isinstance(outcome, Finished):
            spent = sum(generation.seconds * 1000 for generation in outcome.generations)
        self._forget(live, spent)
        live.feed.emit(outcome)
        self._board.tell()

    async def _pump(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                self._begin_all()
            except Exception:  # a fault of ours in one job must not keep all others waiting for ever
                log.exception("beginning jobs failed")

    def _begin_all(self) -> None:
        """As many as the engine has use for."""
        while self._in_hand < self._engine.slots and (waiting := self._queue.take()):
            if not self._in_hand:
                self.watchdog.sign()  # nothing was silent before
            live = self._live[waiting.job_id]
            live.task = asyncio.create_task(self._see_through(live), name=f"job-{live.job.id}")
            self._board.tell()

    @property
    def _in_hand(self) -> int:
        """Pictures of the running jobs."""
        return sum(live.pictures for live in self._live.values() if live.task)

    def _running(self) -> list[asyncio.Task[None]]:
        return [live.task for live in self._live.values() if live.task]

    def _stop_beginning(self) -> None:
        for task in self._beside:
            task.cancel()

    async def _leave_behind(self, late: Collection[asyncio.Task[None]]) -> None:
        """A model is being loaded, or the device hangs: no fault of the jobs, which go back as they are."""
        for live in [live for live in self._live.values() if live.task in late]:
            log.error("job %s has not ended in %.0f s, and is left behind", live.job.id, LAST_WRITES)
            if live.task:
                live.task.cancel()
            with contextlib.suppress(Exception):  # else the next start takes it for crashed
                await self._jobs.put_back(live.job.id, crashed=False)

    async def _see_through(self, live: LiveJob) -> None:
        """From its turn to its end, whatever that is."""
        outcome = await self._runner.run(live)
        match outcome:
            case Finished():
                self.end(live, outcome)
            case Suspended(error=DeviceLostError() as error):
                self._lose_device(error)
            case Cancelled() | Suspended():
                self.end(live, outcome)
            case Failed(error=EngineStalledError() as error) if live.job.crashes + 1 < MOST_CRASHES:
                await self._try_again(live, error)
            case Failed(error=error):
                await self._fail(live, error)

    async def _try_again(self, live: LiveJob, error: AtelierError) -> None:
        """Back into the queue: it may have been another job that the engine stood still for."""
        try:
            await self._jobs.put_back(live.job.id, crashed=True)
        except Exception:
            if not live.cancelled:
                log.exception("job %s could not be put back", live.job.id)
                await self._fail(live, error)
                return
        if live.called_off:
            self.end(live, Cancelled())
            return
        self._forget(live, self._board.spent(live))
        self.join(replace(live.job, crashes=live.job.crashes + 1), live.feed)

    def _lose_device(self, error: DeviceLostError) -> None:
        """Take nothing new and begin nothing; all jobs stay unfinished on record, for the next start."""
        if not self.loss:
            log.error("the device is lost: %s", error.detail, exc_info=error.__cause__)
        self.loss = error
        self.device_lost.set()
        self._stop_beginning()
        for live in self._live.values():
            if not live.made:
                live.feed.emit(Suspended(error))

    async def _fail(self, live: LiveJob, error: AtelierError) -> None:
        try:
            await self._jobs.end(live.job.id, JobStatus.FAILED, self._clock.now(), explain(error))
        except Exception:
            # The user is told all the same; the next start finds the job unfinished and makes it.
            log.exception("job %s failed, which could not be written down", live.job.id)
        self.end(live, Failed(error))

    def _forget(self, live: LiveJob, spent: float) -> None:
        """Before anyone is told of the end, so that whoever hears of it finds the place free."""
        self._live.pop(live.job.id, None)
        self._queue.leave(live.job.id, spent)
        if live.task:
            self.watchdog.sign()
        self._work.set()
