"""GenerationService: the door through which every picture is asked for, watched and called off."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection
from copy import copy
from dataclasses import replace
from typing import Final

from bot.core.board import GAP, Board
from bot.core.catalog import Capabilities, Catalog
from bot.core.errors import (
    AtelierError,
    CrashedError,
    DeviceLostError,
    EarlierError,
    EngineStalledError,
    JobOverError,
    RestartingError,
    StoppingError,
)
from bot.core.estimates import Estimates
from bot.core.feed import Feed, Ticket
from bot.core.ids import JobId, new_job_id
from bot.core.jobs import Cancelled, Failed, Finished, Job, JobStatus, Origin, Outcome, Suspended
from bot.core.live import LiveJob, Standing
from bot.core.making import JobMaker
from bot.core.messages import explain
from bot.core.policy import Actor, check_cancel
from bot.core.ports import Clock, Engine, HistoryStore, ImageStore, JobStore, PictureCodec
from bot.core.queue import FairQueue, Waiting
from bot.core.recipe import plan
from bot.core.requests import MAX_SEED, ImagineRequest, RemixRequest
from bot.core.rules import RuleBook
from bot.core.runner import JobRunner
from bot.core.watchdog import Watchdog

log = logging.getLogger(__name__)

MOST_CRASHES: Final = 2
"""A job that has taken the process with it so often is not tried again."""
LAST_WRITES: Final = 30.0
"""Seconds for running jobs to stop and to be written down when the service closes."""


class GenerationService:
    """Submit, watch, cancel. As many jobs run as the engine has use for; a job's result is stored before
    anyone is told."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        engine: Engine,
        jobs: JobStore,
        history: HistoryStore,
        images: ImageStore,
        codec: PictureCodec,
        clock: Clock,
        queue: FairQueue,
        rules: RuleBook,
        previews: bool = True,
        new_feed: Callable[[], Feed] = Feed,
        telling_gap: float = GAP,
    ) -> None:
        self.catalog = catalog
        self.rules = rules
        self.taken_up: list[Ticket] = []
        """What the last process left: to be made, to be delivered, or only to be told."""
        self.device_lost = asyncio.Event()
        """Set when the engine's device will not work again until the process is started anew."""
        self._engine = engine
        self._jobs = jobs
        self._history = history
        self._clock = clock
        self._queue = queue
        self._estimates = Estimates(engine.estimate)
        self._live: dict[JobId, LiveJob] = {}
        self.watchdog = Watchdog(engine, self._live, self._estimates, clock, self._lose_device)
        self._runner = JobRunner(
            jobs=jobs,
            maker=JobMaker(
                engine=engine,
                history=history,
                images=images,
                codec=codec,
                clock=clock,
                estimates=self._estimates,
                previews=previews,
            ),
            load=self._load_if_unknown,
            clock=clock,
            moved=self.watchdog.sign,
        )
        self._new_feed = new_feed
        self._work = asyncio.Event()
        self._loss: DeviceLostError | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._stopping = False
        self._board = Board(queue, self._live, self._estimates, engine, telling_gap)

    async def start(self, *, recover: bool) -> None:
        """Begin to work. With `recover`, first take up what the last process left."""
        await self.rules.read()
        if recover:
            await self._take_up()
        self._beside = [
            asyncio.create_task(self._pump_jobs(), name="generation-pump"),
            asyncio.create_task(self.watchdog.run(), name="generation-watchdog"),
        ]

    async def warm_up(self) -> None:
        """Load the default model now, so that the first user does not wait for it.

        Raises:
            EngineError: it cannot be loaded.
        """
        name = self.catalog.get().name
        self._learn(name, await self._engine.load(name))

    async def drain(self, grace: float) -> None:
        """Take nothing new and begin nothing, give what runs `grace` seconds to end, then `close`."""
        self._stopping = self._board.stopping = True
        self._board.tell()
        for task in self._beside:
            task.cancel()
        if running := [live.task for live in self._live.values() if live.task]:
            await asyncio.wait(running, timeout=grace)
        await self.close()

    async def close(self) -> None:
        """Take nothing new, stop between two steps, and put back what ran: the next start takes it up."""
        self._stopping = True
        for task in self._beside:
            task.cancel()
        for live in self._live.values():
            live.stop()
        # The device must be free before we go on, and what is made be kept.
        tasks = [*self._beside, *(live.task for live in self._live.values() if live.task)]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LAST_WRITES)
            await self._leave_behind(late)
        self._board.close()
        for live in self._live.values():
            live.feed.emit(Suspended(RestartingError()))
        self._live.clear()

    async def _leave_behind(self, late: Collection[asyncio.Task[None]]) -> None:
        """A model is being loaded, or the device hangs: no fault of the jobs, which go back as they are."""
        for live in [live for live in self._live.values() if live.task in late]:
            log.error("job %s has not ended in %.0f s, and is left behind", live.job.id, LAST_WRITES)
            if live.task:
                live.task.cancel()
            with contextlib.suppress(Exception):  # else the next start takes it for crashed
                await self._jobs.put_back(live.job.id, crashed=False)

    def check(self, request: ImagineRequest, user_id: int, guild_id: int | None = None) -> None:
        """Whether this request would be accepted now, without waiting for anything.

        Raises:
            RequestError: the model cannot do it as asked.
            LimitError: the queue is full, the user has too many on the way, or the bot is stopping.
            DeviceLostError: nothing can be made until the bot is started again.
        """
        self._check_open()
        plan(request, self.catalog.get(request.model), seed=0)
        self._queue.check(user_id, self.rules.of(guild_id).limit_per_user)

    def reserve(self, request: ImagineRequest, user_id: int, guild_id: int | None = None) -> JobId:
        """As `check`, and keep a place in the queue, for `submit` to take or `release` to give back: so a
        request that there is no place for is refused before anything is said in public."""
        self.check(request, user_id, guild_id)
        job_id = new_job_id()
        self._queue.reserve(job_id, user_id, self.rules.of(guild_id).limit_per_user)
        return job_id

    def release(self, job_id: JobId) -> None:
        """Give a reserved place back, if it has not been taken."""
        if job_id not in self._live:
            self._queue.leave(job_id)

    async def submit(
        self,
        request: ImagineRequest,
        origin: Origin,
        roles: Collection[int] = (),
        reserved: JobId | None = None,
    ) -> Ticket:
        """Accept a request: it is in the database and in the queue when this returns.

        Args:
            roles: ids of the roles that the user has where it was asked.
            reserved: the place that is kept for it, if any.

        Raises:
            RequestError: the model cannot do it as asked.
            LimitError: the queue is full, the user has too many on the way, or the bot is stopping.
            StorageError: it could not be written down, so it was not accepted.
        """
        recipes = plan(request, self.catalog.get(request.model), secrets.randbelow(MAX_SEED + 1))
        rules = self.rules.of(origin.guild_id)
        job = Job(
            id=reserved or new_job_id(),
            kind=request.kind,
            origin=origin,
            recipes=recipes,
            source=request.source if isinstance(request, RemixRequest) else None,
            created_at=self._clock.now(),
            weight=rules.weight(roles),
        )
        self._check_open()
        # Nobody slips in while it is being written down: its place is kept.
        if reserved is None:
            self._queue.reserve(job.id, origin.user_id, rules.limit_per_user)
        try:
            await self._jobs.add(job)
        except BaseException:
            self._queue.leave(job.id)
            raise
        feed = self._new_feed()
        if self._stopping or self._loss:  # meanwhile; the next start takes it up
            self._queue.leave(job.id)
            feed.emit(Suspended(self._loss or RestartingError()))
        else:
            self._join(job, feed)
        return Ticket(job, feed)

    async def cancel(self, job_id: JobId, actor: Actor) -> None:
        """Take a job back, waiting or running; it ends within one step. Twice does no harm.

        Raises:
            UnknownJobError: there is no such job.
            NotYoursError: `actor` is neither its owner nor a moderator.
            JobOverError: it had ended already.
        """
        live = self._live.get(job_id)
        job = live.job if live else await self._jobs.get(job_id)
        check_cancel(actor, job.origin)
        if live is None and job.status is JobStatus.QUEUED:  # kept for the next start, which tells its owner
            await self._jobs.end(job_id, JobStatus.CANCELLED, self._clock.now())
            return
        if live is None or live.made:
            raise JobOverError(job_id, JobStatus.DELIVERING if live else job.status)
        if live.called_off:
            return
        live.called_off = True
        try:
            # Before anybody is told: a process that dies now must not make it after all.
            await self._jobs.end(job_id, JobStatus.CANCELLED, self._clock.now())
        except BaseException:
            live.called_off = False
            raise
        live.cancelled = True
        live.stop()
        if live.task is None:
            self._close(live, Cancelled())

    def jobs_of(self, user_id: int) -> list[Job]:
        """A user's jobs that wait or run, in the order in which they came."""
        return [
            live.job for live in self._live.values() if live.job.origin.user_id == user_id and not live.made
        ]

    def standings(self) -> list[Standing]:
        """All that runs, then all that waits in the order of its turns."""
        return self._board.standings()

    async def placed(self, job_id: JobId, channel_id: int, message_id: int) -> None:
        """Remember which message is the job's card."""
        await self._jobs.set_message(job_id, channel_id, message_id)
        if live := self._live.get(job_id):
            origin = replace(live.job.origin, channel_id=channel_id, message_id=message_id)
            live.job = replace(live.job, origin=origin)

    async def settle(self, job_id: JobId) -> None:
        """The owner has been shown how it ended, as far as that is possible."""
        await self._jobs.settle(job_id)

    def _check_open(self) -> None:
        if self._loss:
            raise copy(self._loss)
        if self._stopping:
            raise StoppingError

    def _learn(self, model: str, capabilities: Capabilities) -> None:
        self.catalog = self.catalog.with_capabilities(model, capabilities)

    async def _load_if_unknown(self, model: str) -> None:
        if self.catalog.get(model).capabilities is None:
            self._learn(model, await self._engine.load(model))

    async def _take_up(self) -> None:
        for job in await self._jobs.take_up():
            feed = self._new_feed()
            match job.status:
                case JobStatus.QUEUED if job.crashes >= MOST_CRASHES:
                    error = CrashedError(job.crashes)
                    await self._jobs.end(job.id, JobStatus.FAILED, self._clock.now(), explain(error))
                    feed.emit(Failed(error))
                case JobStatus.QUEUED:
                    self._join(job, feed)
                case JobStatus.DELIVERING:
                    feed.emit(Finished(tuple(await self._history.of_job(job.id))))
                case JobStatus.CANCELLED:
                    feed.emit(Cancelled())
                case _:
                    feed.emit(Failed(EarlierError(job.error or "")))
            self.taken_up.append(Ticket(job, feed))

    def _join(self, job: Job, feed: Feed) -> None:
        self._live[job.id] = LiveJob(job, feed)
        self._queue.join(
            Waiting(
                job_id=job.id,
                user_id=job.origin.user_id,
                cost=self._estimates.milliseconds(job.recipes),
                weight=job.weight,
                running_limit=self.rules.of(job.origin.guild_id).running_per_user,
                alone=job.crashes > 0,
            )
        )
        self._board.tell()
        self._work.set()

    async def _pump_jobs(self) -> None:
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

    async def _see_through(self, live: LiveJob) -> None:
        """From its turn to its end, whatever that is."""
        outcome = await self._runner.run(live)
        match outcome:
            case Finished():
                self._close(live, outcome)
            case Suspended(error=DeviceLostError() as error):
                self._lose_device(error)
            case Cancelled() | Suspended():
                self._close(live, outcome)
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
            self._close(live, Cancelled())
            return
        self._forget(live, self._board.spent(live))
        self._join(replace(live.job, crashes=live.job.crashes + 1), live.feed)

    def _lose_device(self, error: DeviceLostError) -> None:
        """Take nothing new and begin nothing; all jobs stay unfinished on record, for the next start."""
        if not self._loss:
            log.error("the device is lost: %s", error.detail, exc_info=error.__cause__)
        self._loss = error
        self.device_lost.set()
        for task in self._beside:
            task.cancel()
        for live in self._live.values():
            if not live.made:
                live.feed.emit(Suspended(error))

    async def _fail(self, live: LiveJob, error: AtelierError) -> None:
        try:
            await self._jobs.end(live.job.id, JobStatus.FAILED, self._clock.now(), explain(error))
        except Exception:
            # The user is told all the same; the next start finds the job unfinished and makes it.
            log.exception("job %s failed, which could not be written down", live.job.id)
        self._close(live, Failed(error))

    def _close(self, live: LiveJob, outcome: Outcome) -> None:
        spent = self._board.spent(live)
        if isinstance(outcome, Finished):
            spent = sum(generation.seconds * 1000 for generation in outcome.generations)
        self._forget(live, spent)
        live.feed.emit(outcome)
        self._board.tell()

    def _forget(self, live: LiveJob, spent: float) -> None:
        """Before anyone is told of the end, so that whoever hears of it finds the place free."""
        self._live.pop(live.job.id, None)
        self._queue.leave(live.job.id, spent)
        if live.task:
            self.watchdog.sign()
        self._work.set()
