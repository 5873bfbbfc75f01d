"""Working stores, codec and clock in memory, beside the fake engine of `tests/fakes.py`.

Each can be broken: what stands in `faults` under a method's name is raised by it; and held: a method
named in `gates` waits until its gate is opened.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from bot.core.errors import BadImageError, DeliveryError, JobOverError, SourceGoneError, UnknownJobError
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import LOCAL_USER, TRANSITIONS, Generation, HistoryCursor, Job, JobStatus, Picture, Render
from bot.core.ports import Ingested, OnPreview, OnStep, Tile
from bot.core.recipe import Recipe
from tests.fakes import FakeEngine


class Gate:
    """Tells when somebody stands before it, and lets nobody through until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._opened.wait()


class Faulty:
    """What the stores share: ways to break and to hold them, and a log of what was done."""

    def __init__(self, log: list[str] | None = None) -> None:
        self.faults: dict[str, Exception] = {}
        self.gates: dict[str, Gate] = {}
        self.log: list[str] = [] if log is None else log

    async def _enter(self, method: str) -> None:
        if gate := self.gates.get(method):
            await gate.wait()
        if error := self.faults.get(method):
            raise error
        self.log.append(method)


class MemoryJobs(Faulty):
    """Implements `JobStore`."""

    def __init__(self, log: list[str] | None = None) -> None:
        super().__init__(log)
        self.rows: dict[JobId, Job] = {}
        self.told: set[JobId] = set()

    async def add(self, job: Job) -> None:
        await self._enter("add")
        self.rows[job.id] = job

    async def get(self, job_id: JobId) -> Job:
        if job_id not in self.rows:
            raise UnknownJobError(job_id)
        return self.rows[job_id]

    async def start(self, job_id: JobId, at: float) -> None:
        await self._enter("start")
        self._move(job_id, JobStatus.RUNNING, started_at=at)

    async def end(self, job_id: JobId, status: JobStatus, at: float, error: str | None = None) -> None:
        await self._enter("end")
        if not self.rows[job_id].status.is_over:
            self._move(job_id, status, finished_at=at, error=error)
            self._tell_local(job_id)

    async def put_back(self, job_id: JobId, *, crashed: bool) -> None:
        await self._enter("put_back")
        self._move(job_id, JobStatus.QUEUED, started_at=None, crashes=self.rows[job_id].crashes + crashed)

    async def settle(self, job_id: JobId) -> None:
        await self._enter("settle")
        if job_id in self.rows and self.rows[job_id].status is JobStatus.DELIVERING:
            self._move(job_id, JobStatus.DONE)
        self.told.add(job_id)

    async def set_message(self, job_id: JobId, channel_id: int, message_id: int) -> None:
        job = await self.get(job_id)
        origin = replace(job.origin, channel_id=channel_id, message_id=message_id)
        self.rows[job_id] = replace(job, origin=origin)

    async def take_up(self) -> list[Job]:
        open_jobs = [
            job for job in self.rows.values() if job.id not in self.told and job.origin.user_id != LOCAL_USER
        ]
        for job in open_jobs:
            if job.status is JobStatus.RUNNING:
                self._move(job.id, JobStatus.QUEUED, started_at=None, crashes=job.crashes + 1)
        return [self.rows[job.id] for job in open_jobs]

    def finish(self, job_id: JobId, at: float) -> None:
        local = self.rows[job_id].origin.user_id == LOCAL_USER
        self._move(job_id, JobStatus.DONE if local else JobStatus.DELIVERING, finished_at=at)
        self._tell_local(job_id)

    def _tell_local(self, job_id: JobId) -> None:
        if self.rows[job_id].origin.user_id == LOCAL_USER:
            self.told.add(job_id)

    def _move(self, job_id: JobId, to: JobStatus, **changes: float | str | None) -> None:
        job = self.rows[job_id]
        if to not in TRANSITIONS[job.status]:
            raise JobOverError(job_id, job.status)
        self.rows[job_id] = replace(job, status=to, **changes)  # type: ignore[arg-type] # by name


class MemoryPreferences:
    """Implements `Preferences`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def starting_with(self, prefix: str) -> dict[str, str]:
        return {key: value for key, value in self.values.items() if key.startswith(prefix)}

    async def set(self, key: str, value: str) -> None:
        self.values[key] = value


class MemoryHistory(Faulty):
    """Implements `HistoryStore`."""

    def __init__(self, jobs: MemoryJobs) -> None:
        super().__init__(jobs.log)
        self.rows: dict[GenerationId, Generation] = {}
        self._jobs = jobs

    async def complete(self, job_id: JobId, generations: Sequence[Generation], at: float) -> None:
        await self._enter("complete")
        self._jobs.finish(job_id, at)
        self.rows |= {generation.id: generation for generation in generations}

    async def get(self, generation_id: GenerationId) -> Generation:
        if generation_id not in self.rows:
            raise SourceGoneError("generation", generation_id)
        return self.rows[generation_id]

    async def of_job(self, job_id: JobId) -> list[Generation]:
        return [g for g in self.rows.values() if g.job_id == job_id]

    async def of_message(self, message_id: int) -> list[Generation]:
        return [g for g in self.rows.values() if g.origin.message_id == message_id]

    async def page(
        self, user_id: int, *, limit: int, before: HistoryCursor | None = None, matching: str = ""
    ) -> list[Generation]:
        own = [
            g
            for g in self.rows.values()
            if g.origin.user_id == user_id
            and not g.hidden
            and (before is None or (g.created_at, g.id) < before)
            and matching.casefold() in g.recipe.prompt.casefold()
        ]
        return sorted(own, key=lambda g: (g.created_at, g.id), reverse=True)[:limit]

    async def latest(self, user_id: int, channel_id: int | None) -> Generation | None:
        found = await self.page(user_id, limit=len(self.rows))
        return next((g for g in found if g.origin.channel_id == channel_id and not g.origin.private), None)

    async def reveal(self, generation_id: GenerationId) -> None:
        self.rows[generation_id] = replace(self.rows[generation_id], hidden=False)

    async def delete(self, generation_ids: Sequence[GenerationId]) -> list[str]:
        gone = {self.rows.pop(generation_id).image_sha256 for generation_id in generation_ids}
        return sorted(gone - {g.image_sha256 for g in self.rows.values()})


class MemoryImages(Faulty):
    """Implements `ImageStore`."""

    def __init__(self, log: list[str] | None = None) -> None:
        super().__init__(log)
        self.keeping = asyncio.Lock()
        self.files: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        await self._enter("put")
        sha256 = hashlib.sha256(data).hexdigest()
        self.files[sha256] = data
        return sha256

    async def get(self, sha256: str) -> bytes:
        if sha256 not in self.files:
            raise SourceGoneError("picture")
        return self.files[sha256]

    async def discard(self, sha256: str) -> None:
        await self._enter("discard")
        self.files.pop(sha256, None)


class PlainCodec:
    """Implements `PictureCodec`: a file is `WIDTHxHEIGHT:` and the pixels, uncompressed."""

    def __init__(self) -> None:
        self.tiles: list[Tile] = []
        """Those of the last sheet."""

    def ingest(self, data: bytes) -> Ingested:
        if b":" not in data:
            raise BadImageError("not_an_image")
        return Ingested(self.decode(data), hashlib.sha256(data).hexdigest(), data, "a fox")

    def decode(self, data: bytes) -> Picture:
        size, _, rgb = data.partition(b":")
        width, height = size.split(b"x")
        return Picture(int(width), int(height), rgb)

    def fit(self, picture: Picture, width: int, height: int) -> Picture:
        return Picture(width, height, picture.rgb[:3] * (width * height))

    def encode_png(self, render: Render) -> bytes:
        return plain_file(render.picture)

    def shrink(self, png: bytes, limit: int) -> bytes:
        if limit < 1:
            raise DeliveryError(413, len(png), limit)
        return png[:limit]

    def thumbnail(self, data: bytes, side: int) -> bytes:
        return b"small %d " % side + data[:3]

    def preview(self, picture: Picture) -> bytes:
        return b"forming " + picture.rgb[:3]

    def sheet(self, tiles: Sequence[Tile]) -> bytes:
        self.tiles = list(tiles)
        return b"a sheet of %d" % len(tiles)


def plain_file(picture: Picture) -> bytes:
    """What `PlainCodec` reads and writes."""
    return b"%dx%d:" % (picture.width, picture.height) + picture.rgb


class SteppingClock:
    """Implements `Clock`: each look at it is a second later."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> float:
        self._seconds += 1
        return self._seconds

    def monotonic(self) -> float:
        return self.now()


class TurnedClock:
    """Implements `Clock`: stands still until it is turned."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def turn(self, seconds: float) -> None:
        self._seconds += seconds

    def now(self) -> float:
        return self._seconds

    def monotonic(self) -> float:
        return self._seconds


class WatchedEngine(FakeEngine):
    """Tells when it begins a picture, and can be slow to free its device when it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: asyncio.Queue[Recipe] = asyncio.Queue()
        self.device: Gate | None = None
        """Where it stands once stopped, until this is opened."""

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        self.begun.put_nowait(recipe)
        try:
            return await super().generate(recipe, source, on_step, on_preview)
        except asyncio.CancelledError:
            if self.device:
                await self.device.wait()
            raise
