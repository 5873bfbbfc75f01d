"""GenerationService: the door through which every picture is asked for, watched and called off."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from copy import copy
from dataclasses import replace

from bot.core.catalog import Capabilities, Catalog
from bot.core.errors import (
    AtelierError,
    DeviceLostError,
    GenerationError,
    JobOverError,
    RestartedError,
    StoppingError,
)
from bot.core.estimates import Estimates
from bot.core.feed import Feed, Ticket
from bot.core.ids import JobId, new_job_id
from bot.core.jobs import (
    LOCAL_USER,
    Cancelled,
    Failed,
    Finished,
    Job,
    JobStatus,
    Origin,
    Queued,
)
from bot.core.making import JobMaker
from bot.core.messages import explain
from bot.core.policy import Actor, check_cancel
from bot.core.ports import Clock, Engine, HistoryStore, ImageStore, JobStore, PictureCodec
from bot.core.queue import FairQueue, Waiting
from bot.core.recipe import plan
from bot.core.requests import MAX_SEED, ImagineRequest, RemixRequest

log = logging.getLogger(__name__)


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
        new_feed: Callable[[], Feed] = Feed,
    ) -> None:
        self.catalog = catalog
        self.interrupted: list[Job] = []
        """What the last process left unfinished; their cards still say that they wait."""
        self._engine = engine
        self._jobs = jobs
        self._clock = clock
        self._queue = queue
        self._estimates = Estimates()
        self._maker = JobMaker(
            engine=engine,
            history=history,
            images=images,
            codec=codec,
            clock=clock,
            estimates=self._estimates,
        )
        self._new_feed = new_feed
        self._live: dict[JobId, tuple[Job, Feed]] = {}
        self._door = asyncio.Lock()
        self._work = asyncio.Event()
        self._running: dict[JobId, asyncio.Task[None]] = {}
        self._saving: set[JobId] = set()
        """Running jobs whose pictures are made: too late to cancel."""
        self._in_hand = 0
        """Pictures of the running jobs."""
        self.device_lost = asyncio.Event()
        """Set when the engine's device will not work again until the process is started anew."""
        self._loss: DeviceLostError | None = None
        self._pump: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self, *, recover: bool) -> None:
        """Begin to work. With `recover`, first mark failed what the last process left unfinished."""
        if recover:
            await self._fail_unfinished()
        self._pump = asyncio.create_task(self._pump_jobs(), name="generation-pump")

    async def warm_up(self) -> None:
        """Load the default model now, so that the first user does not wait for it.

        Raises:
            EngineError: it cannot be loaded.
        """
        name = self.catalog.get().name
        self._learn(name, await self._engine.load(name))

    async def close(self) -> None:
        """Take nothing new, and stop between two steps; what waits or runs is closed at the next start."""
        async with self._door:  # who is joining right now is told as well
            self._stopping = True
        # The device must be free before we go on.
        tasks = [*([self._pump] if self._pump else []), *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, feed in self._live.values():
            feed.emit(Failed(RestartedError()))
        self._live.clear()

    def check(self, request: ImagineRequest, user_id: int) -> None:
        """Whether this request would be accepted now, without waiting for anything.

        Raises:
            RequestError: the model cannot do it as asked.
            LimitError: the queue is full, the user has too many on the way, or the bot is stopping.
            DeviceLostError: nothing can be made until the bot is started again.
        """
        if self._loss:
            raise copy(self._loss)
        if self._stopping:
            raise StoppingError
        plan(request, self.catalog.get(request.model), seed=0)
        self._queue.check(user_id)

    async def submit(self, request: ImagineRequest, origin: Origin) -> Ticket:
        """Accept a request: it is in the database and in the queue when this returns.

        Raises:
            RequestError: the model cannot do it as asked.
            LimitError: the queue is full, the user has too many on the way, or the bot is stopping.
            StorageError: it could not be written down, so it was not accepted.
        """
        recipes = plan(request, self.catalog.get(request.model), secrets.randbelow(MAX_SEED + 1))
        job = Job(
            id=new_job_id(),
            kind=request.kind,
            origin=origin,
            recipes=recipes,
            source=request.source if isinstance(request, RemixRequest) else None,
            created_at=self._clock.now(),
        )
        async with self._door:  # so that nobody slips in between the check and the joining
            self.check(request, origin.user_id)
            await self._jobs.add(job)
            feed = self._new_feed()
            self._live[job.id] = (job, feed)
            self._queue.join(Waiting(job.id, origin.user_id, self._estimates.seconds(recipes)))
        self._tell_positions()
        self._work.set()
        return Ticket(job, feed)

    async def cancel(self, job_id: JobId, actor: Actor) -> None:
        """Take a job back, waiting or running; it ends within one step.

        Raises:
            UnknownJobError: there is no such job.
            NotYoursError: `actor` is neither its owner nor a moderator.
            JobOverError: it had ended already.
        """
        live = self._live.get(job_id)
        job = live[0] if live else await self._jobs.get(job_id)
        check_cancel(actor, job.origin)
        if live is None or job_id in self._saving:
            raise JobOverError(job_id, JobStatus.DONE if live else job.status)
        if job_id in self._running:
            self._running[job_id].cancel()
            return
        await self._end(job, live[1], JobStatus.CANCELLED)

    async def placed(self, job_id: JobId, channel_id: int, message_id: int) -> None:
        """Remember which message is the job's card."""
        await self._jobs.set_message(job_id, channel_id, message_id)
        if live := self._live.get(job_id):
            job, feed = live
            origin = replace(job.origin, channel_id=channel_id, message_id=message_id)
            self._live[job_id] = (replace(job, origin=origin), feed)

    def _learn(self, model: str, capabilities: Capabilities) -> None:
        self.catalog = self.catalog.with_capabilities(model, capabilities)

    async def _fail_unfinished(self) -> None:
        error = explain(RestartedError())
        # A command line may be at work right now; its jobs end with it.
        self.interrupted = [job for job in await self._jobs.unfinished() if job.origin.user_id != LOCAL_USER]
        for job in self.interrupted:
            await self._jobs.end(job.id, JobStatus.FAILED, self._clock.now(), error)

    async def _pump_jobs(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._in_hand < self._engine.slots and (waiting := self._queue.take()):
                self._begin(*self._live[waiting.job_id])

    def _begin(self, job: Job, feed: Feed) -> None:
        self._tell_positions()
        task = asyncio.create_task(self._run(job, feed), name=f"job-{job.id}")
        self._running[job.id] = task
        self._in_hand += len(job.recipes)

        def over(task: asyncio.Task[None]) -> None:
            del self._running[job.id]
            self._saving.discard(job.id)
            self._in_hand -= len(job.recipes)
            if task.cancelled() and job.id in self._live and not self._stopping:
                # Called off before it had begun to run.
                self._running[job.id] = asyncio.create_task(self._end(job, feed, JobStatus.CANCELLED))
                self._running[job.id].add_done_callback(lambda _: self._running.pop(job.id))
            self._work.set()

        task.add_done_callback(over)

    async def _run(self, job: Job, feed: Feed) -> None:
        try:
            await self._jobs.start(job.id, self._clock.now())
            if self.catalog.get(job.recipe.model).capabilities is None:
                self._learn(job.recipe.model, await self._engine.load(job.recipe.model))
            renders = await self._maker.render(job, feed.emit)
            self._saving.add(job.id)
            job = self._live[job.id][0]  # its card may have been placed meanwhile
            generations = await self._maker.store(job, renders)
        except asyncio.CancelledError:
            if not self._stopping:  # else the job stays unfinished on record, for the next start
                await self._end(job, feed, JobStatus.CANCELLED)
        except DeviceLostError as error:
            self._lose_device(error)
        except AtelierError as error:
            log.warning("job %s failed: %r", job.id, error, exc_info=error.__cause__)
            await self._end(job, feed, JobStatus.FAILED, error)
        except Exception as error:
            log.exception("job %s failed", job.id)
            await self._end(job, feed, JobStatus.FAILED, GenerationError(job.recipe.model, str(error)))
        else:
            self._forget(job.id)
            feed.emit(Finished(generations))

    def _lose_device(self, error: DeviceLostError) -> None:
        """Take nothing new and begin nothing; all jobs stay unfinished on record, for the next start."""
        if not self._loss:
            log.error("the device is lost: %s", error.detail, exc_info=error.__cause__)
        self._loss = error
        self.device_lost.set()
        if self._pump:
            self._pump.cancel()
        for job_id, (_, feed) in self._live.items():
            if job_id not in self._saving:  # those are made
                feed.emit(Failed(error))

    async def _end(self, job: Job, feed: Feed, status: JobStatus, error: AtelierError | None = None) -> None:
        self._forget(job.id)
        try:
            sentence = explain(error) if error else None
            await self._jobs.end(job.id, status, self._clock.now(), sentence)
        except Exception:
            # The user is told all the same; the next start finds the job unfinished and closes it.
            log.exception("job %s ended as %s, which could not be written down", job.id, status)
        finally:  # also when closing cuts the writing short
            feed.emit(Failed(error) if error else Cancelled())
        self._tell_positions()

    def _forget(self, job_id: JobId) -> None:
        """Before anyone is told of the end, so that whoever hears of it finds the place free."""
        del self._live[job_id]
        self._queue.leave(job_id)

    def _tell_positions(self) -> None:
        for place in self._queue.places():
            job, feed = self._live[place.job_id]
            known = self._estimates.knows(job.recipe.model)
            feed.emit(Queued(place.number, place.ahead if known else None))
