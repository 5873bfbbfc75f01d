"""Pictures that exist: taking them in, finding them, handing them out, deleting them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.errors import SourceGoneError
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import Generation, HistoryCursor, ImageFormat, Job, Picture
from bot.core.policy import Actor, check_delete, check_pick
from bot.core.ports import HistoryStore, ImageStore, JobStore, PictureCodec, Tile
from bot.core.requests import Source

PAGE_SIZE = 5
THUMBNAIL_SIDE = 256
AT_ONCE = 2
"""Pictures of strangers decoded at the same time, at up to 600 MB each."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file to hand out. `format` tells WebP, taken where the PNG was over the limit, from PNG."""

    name: str
    data: bytes
    format: ImageFormat = "PNG"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of one user's history; `older` is the cursor of the next, None on the last."""

    generations: tuple[Generation, ...]
    older: HistoryCursor | None


class Gallery:
    """Everything about stored pictures that needs no device."""

    def __init__(
        self, *, jobs: JobStore, history: HistoryStore, images: ImageStore, codec: PictureCodec
    ) -> None:
        self._jobs = jobs
        self._history = history
        self._images = images
        self._codec = codec
        # A small file may hold a large picture: many at once would fill the memory.
        self._taking_in = asyncio.Semaphore(AT_ONCE)

    async def take_in(self, data: bytes, *, jump_url: str | None = None) -> Source:
        """Somebody's picture: checked, made clean, and stored now, since links and messages go away.

        Raises:
            BadImageError: it is not a picture that we take.
            DiskFullError: it could not be stored.
        """
        async with self._taking_in:
            ingested = await asyncio.to_thread(self._codec.ingest, data)
        sha256 = await self._images.put(ingested.png)
        picture = ingested.picture
        return Source(
            sha256=sha256,
            width=picture.width,
            height=picture.height,
            prompt=ingested.prompt,
            model_prompt=ingested.model_prompt,
            jump_url=jump_url,
        )

    def source_of(self, generation: Generation, *, jump_url: str | None = None) -> Source:
        """A picture from history as the start of the next one."""
        recipe = generation.recipe
        return Source(
            sha256=generation.image_sha256,
            width=recipe.width,
            height=recipe.height,
            prompt=recipe.prompt,
            model_prompt=recipe.model_prompt,
            parent_id=generation.id,
            jump_url=jump_url,
        )

    async def job(self, job_id: JobId) -> Job:
        """Raises UnknownJobError."""
        return await self._jobs.get(job_id)

    async def get(self, generation_id: GenerationId) -> Generation:
        """Raises SourceGoneError when it was deleted or never was."""
        return await self._history.get(generation_id)

    async def on_card(self, job_id: JobId, index: int | None = None) -> list[Generation]:
        """The pictures of a job's card, or the one at `index`.

        Raises:
            SourceGoneError: they were deleted.
        """
        generations = await self._history.of_job(job_id)
        chosen = [g for g in generations if index is None or g.index == index]
        if not chosen:
            raise SourceGoneError("picture")
        return chosen

    async def on_message(self, message_id: int) -> list[Generation]:
        """The pictures of the card that is this message; [] when it is none of ours."""
        return await self._history.of_message(message_id)

    async def page(self, user_id: int, before: HistoryCursor | None = None, matching: str = "") -> Page:
        """Newest first, `PAGE_SIZE` at a time."""
        found = await self._history.page(user_id, limit=PAGE_SIZE + 1, before=before, matching=matching)
        shown = tuple(found[:PAGE_SIZE])
        older = (shown[-1].created_at, shown[-1].id) if len(found) > PAGE_SIZE else None
        return Page(shown, older)

    async def latest(self, user_id: int, channel_id: int | None) -> Generation | None:
        """The user's own latest picture in this channel that was not private."""
        return await self._history.latest(user_id, channel_id)

    async def file(self, generation: Generation, limit: int) -> PictureFile:
        """The picture as a file of at most `limit` bytes: the PNG, or a WebP with the same metadata.

        Raises:
            SourceGoneError: the file is gone.
            DeliveryError: not even a WebP fits.
        """
        data = await self._images.get(generation.image_sha256)
        if len(data) <= limit:
            return PictureFile(f"{generation.id}.png", data)
        smaller = await asyncio.to_thread(self._codec.shrink, data, limit)
        return PictureFile(f"{generation.id}.webp", smaller, "WEBP")

    async def thumbnail(self, sha256: str) -> bytes:
        """A small WebP of a stored picture."""
        data = await self._images.get(sha256)
        return await asyncio.to_thread(self._codec.thumbnail, data, THUMBNAIL_SIDE)

    async def previews(self, pictures: Sequence[Picture]) -> list[PictureFile]:
        """Pictures that are still forming, as small files."""
        data = [await asyncio.to_thread(self._codec.preview, picture) for picture in pictures]
        return [PictureFile(f"forming-{n}.webp", file, "WEBP") for n, file in enumerate(data, 1)]

    async def sheet(self, job: Job, generations: Sequence[Generation], limit: int) -> PictureFile:
        """The ladder's contact sheet: the source first, then each tile with its strength and steps.

        Raises:
            SourceGoneError: the source or a tile is gone.
            DeliveryError: not even a WebP fits `limit`.
        """
        if job.source is None:
            raise SourceGoneError("picture")
        source = await self._images.get(job.source.sha256)
        files = [await self._images.get(generation.image_sha256) for generation in generations]
        data = await asyncio.to_thread(self._draw_sheet, source, generations, files)
        if len(data) <= limit:
            return PictureFile(f"ladder-{job.id}.png", data)
        smaller = await asyncio.to_thread(self._codec.shrink, data, limit)
        return PictureFile(f"ladder-{job.id}.webp", smaller, "WEBP")

    async def pick(self, generation: Generation, actor: Actor) -> None:
        """Take a ladder's tile into its owner's history.

        Raises:
            NotYoursError: `actor` is not the owner.
        """
        check_pick(actor, generation.origin)
        await self._history.reveal(generation.id)

    async def delete(self, generations: Sequence[Generation], actor: Actor) -> None:
        """Delete rows, and the files that nothing else refers to.

        Raises:
            NotYoursError: `actor` is neither the owner nor a moderator. Nothing was deleted.
        """
        for generation in generations:
            check_delete(actor, generation.origin)
        async with self._images.keeping:
            for sha256 in await self._history.delete([generation.id for generation in generations]):
                await self._images.discard(sha256)

    def _draw_sheet(self, source: bytes, generations: Sequence[Generation], files: Sequence[bytes]) -> bytes:
        recipe = generations[0].recipe
        original = self._codec.fit(self._codec.decode(source), recipe.width, recipe.height)
        tiles = [Tile(original, "original")]
        for generation, data in zip(generations, files, strict=True):
            steps = "1 step" if generation.steps_run == 1 else f"{generation.steps_run} steps"
            label = f"{generation.recipe.strength:g} · {steps}"
            tiles.append(Tile(self._codec.decode(data), label))
        return self._codec.sheet(tiles)
