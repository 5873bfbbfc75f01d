"""One job's pictures: asked of the engine all at once, then written down together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from bot.core.estimates import Estimates
from bot.core.ids import new_generation_id
from bot.core.jobs import Generation, Job, Picture, Progress, Render
from bot.core.ports import Clock, Engine, HistoryStore, ImageStore, PictureCodec
from bot.core.progress import JobProgress
from bot.core.requests import Kind

T = TypeVar("T")


class JobMaker:
    """Makes the pictures of one job after another's, or of many at once; it keeps nothing of them."""

    def __init__(
        self,
        *,
        engine: Engine,
        history: HistoryStore,
        images: ImageStore,
        codec: PictureCodec,
        clock: Clock,
        estimates: Estimates,
        previews: bool,
    ) -> None:
        self._engine = engine
        self._history = history
        self._images = images
        self._codec = codec
        self._clock = clock
        self._estimates = estimates
        self._previews = previews

    async def render(self, job: Job, emit: Callable[[Progress], None]) -> list[Render]:
        """All of a job's pictures, in order. An engine that makes several at once gets them at once.

        Raises:
            EngineError: the first that one of them meets with; the others are called off.
            SourceGoneError: the file of the job's source is not there.
        """
        sources = await self._sources(job)
        progress = JobProgress(job.recipes, emit, self._clock.monotonic)

        async def one(index: int) -> Render:
            recipe = job.recipes[index]

            def on_step(step: int, steps: int) -> None:
                progress.told(index, step, steps)

            def on_preview(preview: Picture) -> None:
                progress.shown(index, preview)

            source = sources.get((recipe.width, recipe.height))
            show = on_preview if self._previews else None
            render = await self._engine.generate(recipe, source, on_step, show)
            self._estimates.learn(render.recipe, render.seconds)
            return render

        return await _together([one(index) for index in range(len(job.recipes))])

    async def store(self, job: Job, renders: Sequence[Render]) -> tuple[Generation, ...]:
        """Write files, then all rows with the job's status in one transaction.

        Raises:
            StorageError: nothing of it is in history.
        """
        files = [await asyncio.to_thread(self._codec.encode_png, render) for render in renders]
        async with self._images.keeping:
            hashes = [await self._images.put(file) for file in files]
            now = self._clock.now()
            generations = tuple(
                _generation(job, index, render, sha256, now)
                for index, (render, sha256) in enumerate(zip(renders, hashes, strict=True))
            )
            await self._history.complete(job.id, generations, now)
        return generations

    async def _sources(self, job: Job) -> dict[tuple[int, int], Picture]:
        """The job's source, fitted to each size of its recipes; {} when it has none."""
        if job.source is None:
            return {}
        data = await self._images.get(job.source.sha256)
        picture = await asyncio.to_thread(self._codec.decode, data)
        sizes = {(recipe.width, recipe.height) for recipe in job.recipes}
        return {size: await asyncio.to_thread(self._codec.fit, picture, *size) for size in sizes}


async def _together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Like asyncio.gather, but when one fails the others are called off, and their end is waited for."""
    first: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as failed:
        first = failed.exceptions[0]
    if first is not None:  # outside of the handler, so that it keeps its own cause
        raise first
    return [task.result() for task in tasks]


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
