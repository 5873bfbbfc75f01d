"""GenerationService: the door through which every picture is asked for, watched and called off."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from bot.core.catalog import Capabilities, Catalog
from bot.core.errors import (
    AtelierError,
    GenerationError,
    JobOverError,
    RestartedError,
    StoppingError,
)
from bot.core.estimates import Estimates
from bot.core.feed import Feed, Ticket
from bot.core.ids import JobId, new_generation_id, new_job_id
from bot.core.jobs import (
    LOCAL_USER,
    Cancelled,
    Failed,
    Finished,
    Generation,
    Job,
    JobStatus,
    Origin,
    Picture,
    Progress,
    Queued,
    Render,
)
from bot.core.messages import explain
from bot.core.policy import Actor, check_cancel
from bot.core.ports import Clock, Engine, HistoryStore, ImageStore, JobStore, PictureCodec
from bot.core.queue import FairQueue, Waiting
from bot.core.recipe import plan
from bot.core.requests import MAX_SEED, ImagineRequest, Kind, RemixRequest

log = logging.getLogger(__name__)


class GenerationService:
    """Submit, watch, cancel. One job runs at a time; its result is stored before anyone is told."""

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
        self._history = history
        self._images = images
        self._codec = codec
        self._clock = clock
        self._queue = queue
        self._estimates = Estimates()
        self._new_feed = new_feed
        self._live: dict[JobId, tuple[Job, Feed]] = {}
        self._door = asyncio.Lock()
        self._work = asyncio.Event()
        self._running: tuple[JobId, asyncio.Task[None]] | None = None
        self._saving: JobId | None = None
        """The running job, once its pictures are made: too late to cancel."""
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
        if self._pump:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        for _, feed in self._live.values():
            feed.emit(Failed(RestartedError()))
        self._live.clear()

    def check(self, request: ImagineRequest, user_id: int) -> None:
        """Whether this request would be accepted now, without waiting for anything.

        Raises:
            RequestError: the model cannot do it as asked.
            LimitError: the queue is full, the user has too many on the way, or the bot is stopping.
        """
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
        if live is None or self._saving == job_id:
            raise JobOverError(job_id, JobStatus.DONE if live else job.status)
        if self._running and self._running[0] == job_id:
            self._running[1].cancel()
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
            waiting = self._queue.take()
            if waiting is None:
                self._work.clear()
                continue
            self._tell_positions()
            job, feed = self._live[waiting.job_id]
            task = asyncio.create_task(self._run(job, feed), name=f"job-{job.id}")
            self._running = (job.id, task)
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:  # closing: the device must be free before we go on
                task.cancel()
                await asyncio.wait({task})
                raise
            finally:
                self._running = self._saving = None
            if task.cancelled():  # called off before its first step
                await self._end(job, feed, JobStatus.CANCELLED)

    async def _run(self, job: Job, feed: Feed) -> None:
        try:
            await self._jobs.start(job.id, self._clock.now())
            renders = await self._render(job, feed)
            self._saving = job.id
            generations = await self._store(job.id, renders)
        except asyncio.CancelledError:
            if not self._stopping:  # else the job stays unfinished on record, for the next start
                await self._end(job, feed, JobStatus.CANCELLED)
        except AtelierError as error:
            log.warning("job %s failed: %r", job.id, error, exc_info=error.__cause__)
            await self._end(job, feed, JobStatus.FAILED, error)
        except Exception as error:
            log.exception("job %s failed", job.id)
            await self._end(job, feed, JobStatus.FAILED, GenerationError(job.recipe.model, str(error)))
        else:
            self._forget(job.id)
            feed.emit(Finished(generations))

    async def _render(self, job: Job, feed: Feed) -> list[Render]:
        self._learn(job.recipe.model, await self._engine.load(job.recipe.model))
        source = await self._source(job)
        renders: list[Render] = []
        for index, recipe in enumerate(job.recipes):

            def on_step(step: int, steps: int, index: int = index) -> None:
                feed.emit(Progress(index, len(job.recipes), step, steps))

            fitted = source and await asyncio.to_thread(self._codec.fit, source, recipe.width, recipe.height)
            render = await self._engine.generate(recipe, fitted, on_step)
            self._estimates.learn(render.recipe, render.seconds)
            renders.append(render)
        return renders

    async def _source(self, job: Job) -> Picture | None:
        if job.source is None:
            return None
        data = await self._images.get(job.source.sha256)
        return await asyncio.to_thread(self._codec.decode, data)

    async def _store(self, job_id: JobId, renders: list[Render]) -> tuple[Generation, ...]:
        job = self._live[job_id][0]  # the card may have been placed meanwhile
        files = [await asyncio.to_thread(self._codec.encode_png, render) for render in renders]
        async with self._images.keeping:
            return await self._keep(job, renders, files)

    async def _keep(self, job: Job, renders: list[Render], files: list[bytes]) -> tuple[Generation, ...]:
        hashes = [await self._images.put(file) for file in files]
        now = self._clock.now()
        generations = tuple(
            _generation(job, index, render, sha256, now)
            for index, (render, sha256) in enumerate(zip(renders, hashes, strict=True))
        )
        await self._history.complete(job.id, generations, now)
        return generations

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


def _generation(job: Job, index: int, render: Render, sha256: str, now: float) -> Generation:
    asked = job.recipes[index]
    smaller = (render.recipe.width, render.recipe.height) != (asked.width, asked.height)
    return Generation(
        id=new_generation_id(),
        job_id=job.id,
        index=index,
        kind=job.kind,
        origin=job.origin,
        recipe=render.recipe,
        image_sha256=sha256,
        parent_id=job.source.parent_id if job.source else None,
        steps_run=render.steps_run,
        seconds=render.seconds,
        versions=render.versions,
        prompt_cut=render.prompt_cut,
        shrunk_from=(asked.width, asked.height) if smaller else None,
        hidden=job.kind is Kind.LADDER,
        created_at=now,
    )
