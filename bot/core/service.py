"""GenerationService: the door through which every picture is asked for, watched and called off."""

import asyncio
import secrets
from collections.abc import Callable, Collection
from copy import copy
from dataclasses import replace

from bot.core.board import GAP, Board
from bot.core.catalog import Capabilities, Catalog
from bot.core.dispatcher import MOST_CRASHES, Dispatcher
from bot.core.errors import (
    CrashedError,
    EarlierError,
    JobOverError,
    RestartingError,
    StoppingError,
)
from bot.core.estimates import Estimates
from bot.core.feed import Feed, Ticket
from bot.core.ids import JobId, new_job_id
from bot.core.jobs import Cancelled, Failed, Finished, Job, JobStatus, Origin, Suspended
from bot.core.live import LiveJob, Standing
from bot.core.making import JobMaker
from bot.core.messages import explain
from bot.core.policy import Actor, check_cancel
from bot.core.ports import Clock, Engine, HistoryStore, ImageStore, JobStore, PictureCodec
from bot.core.queue import FairQueue
from bot.core.recipe import plan
from bot.core.requests import MAX_SEED, ImagineRequest, RemixRequest
from bot.core.rules import RuleBook
from bot.core.watchdog import Watchdog


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
        self._engine = engine
        self._jobs = jobs
        self._history = history
        self._clock = clock
        self._queue = queue
        self._live: dict[JobId, LiveJob] = {}
        estimates = Estimates(engine.estimate)
        self._board = Board(queue, self._live, estimates, engine, telling_gap)
        self._dispatcher = Dispatcher(
            engine=engine,
            jobs=jobs,
            maker=JobMaker(
                engine=engine,
                history=history,
                images=images,
                codec=codec,
                clock=clock,
                estimates=estimates,
                previews=previews,
            ),
            load=self._load_if_unknown,
            clock=clock,
            queue=queue,
            rules=rules,
            live=self._live,
            estimates=estimates,
            board=self._board,
        )
        self._new_feed = new_feed
        self._stopping = False

    @property
    def device_lost(self) -> asyncio.Event:
        """Set when the engine's device will not work again until the process is started anew."""
        return self._dispatcher.device_lost

    @property
    def watchdog(self) -> Watchdog:
        """Looks whether the engine moves."""
        return self._dispatcher.watchdog

    async def start(self, *, recover: bool) -> None:
        """Begin to work. With `recover`, first take up what the last process left."""
        await self.rules.read()
        if recover:
            await self._take_up()
        self._dispatcher.start()

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
        await self._dispatcher.drain(grace)
        await self.close()

    async def close(self) -> None:
        """Take nothing new, stop between two steps, and put back what ran: the next start takes it up."""
        self._stopping = True
        await self._dispatcher.close()
        self._board.close()
        for live in self._live.values():
            live.feed.emit(Suspended(RestartingError()))
        self._live.clear()

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
        if self._stopping or self._dispatcher.loss:  # meanwhile; the next start takes it up
            self._queue.leave(job.id)
            feed.emit(Suspended(self._dispatcher.loss or RestartingError()))
        else:
            self._dispatcher.join(job, feed)
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
            self._dispatcher.end(live, Cancelled())

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
        if self._dispatcher.loss:
            raise copy(self._dispatcher.loss)
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
                    self._dispatcher.join(job, feed)
                case JobStatus.DELIVERING:
                    feed.emit(Finished(tuple(await self._history.of_job(job.id))))
                case JobStatus.CANCELLED:
                    feed.emit(Cancelled())
                case _:
                    feed.emit(Failed(EarlierError(job.error or "")))
            self.taken_up.append(Ticket(job, feed))
