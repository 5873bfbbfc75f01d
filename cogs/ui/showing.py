"""Finished pictures, on a card."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from discord import ui

from bot.client import Atelier
from bot.core.errors import AtelierError, DeliveryError
from bot.core.gallery import PictureFile
from bot.core.jobs import Generation, Job
from bot.core.messages import explain
from bot.core.policy import Actor, is_spoilered
from bot.core.requests import Kind
from cogs.ui.card import SOURCE_FILE, ended_card, finished_card
from cogs.ui.delivery import TOO_LARGE, CardMessage, largest

log = logging.getLogger(__name__)

Send = Callable[[ui.LayoutView, Sequence[PictureFile]], Awaitable[None]]
"""Puts a view and its files somewhere; raises DeliveryError."""


async def deliver_single(
    client: Atelier, job: Job, generations: Sequence[Generation], card: CardMessage
) -> None:
    """One picture on a card of its own; where Discord will not have it, say so."""
    try:
        await show_pictures(client, job, generations, card.edit, card.upload_limit, single=True)
    except AtelierError as error:
        log.warning("a picture of job %s was not shown: %r", job.id, error, exc_info=error.__cause__)
        await show_ended(card, job, explain(error))


async def show_ended(card: CardMessage, job: Job, sentence: str) -> None:
    """Put a sentence where the pictures would have been."""
    try:
        await card.edit(ended_card(job, sentence))
    except DeliveryError:
        log.warning("job %s: card not updated (%s)", job.id, sentence, exc_info=True)


async def keep(client: Atelier, job: Job, generations: Sequence[Generation]) -> None:
    """Take a ladder's tiles into history: nobody can pick one from a sheet that nobody sees."""
    for generation in generations:
        await client.gallery.pick(generation, Actor(job.origin.user_id))


async def show_pictures(
    client: Atelier,
    job: Job,
    generations: Sequence[Generation],
    send: Send,
    upload_limit: int,
    *,
    single: bool = False,
) -> None:
    """Put the finished pictures, or with `single` the one, on a card.

    Raises:
        DeliveryError: Discord does not take them, also not at half the size.
        AtelierError: a file is gone, or cannot be read.
    """
    files = await _files(client, job, generations, upload_limit, single=single)
    try:
        await _show(client, job, generations, send, files, single=single)
    except DeliveryError as error:
        if error.status != TOO_LARGE:
            raise
        # Discord's limit here is lower than it told us: once more, at half the size.
        files = await _files(client, job, generations, largest(files) // 2, single=single)
        await _show(client, job, generations, send, files, single=single)


async def _files(
    client: Atelier, job: Job, generations: Sequence[Generation], limit: int, *, single: bool
) -> list[PictureFile]:
    """The pictures, or a ladder's sheet, as files of at most `limit` bytes each."""
    gallery = client.gallery
    if job.kind is Kind.LADDER and not single:
        return [await gallery.sheet(job, generations, limit)]
    return [await gallery.file(generation, limit) for generation in generations]


async def _show(
    client: Atelier,
    job: Job,
    generations: Sequence[Generation],
    send: Send,
    files: Sequence[PictureFile],
    *,
    single: bool,
) -> None:
    source: list[PictureFile] = []
    if job.source and (single or job.kind is not Kind.LADDER):  # a ladder's sheet shows it already
        source = await _thumbnail(client, job.source.sha256)
    view = finished_card(
        job,
        generations,
        files,
        client.generation.catalog.find(job.recipe.model),
        spoiler=spoilered(client, job),
        with_source=bool(source),
        single=single,
    )
    await send(view, [*files, *source])


def spoilered(client: Atelier, job: Job) -> bool:
    """Whether the job's pictures are posted behind a spoiler, the forming ones too."""
    spec = client.generation.catalog.find(job.recipe.model)
    return spec is None or is_spoilered(spec, client.settings.spoiler)


async def _thumbnail(client: Atelier, sha256: str) -> list[PictureFile]:
    """The source, small; a card does without when it has been deleted meanwhile."""
    try:
        return [PictureFile(SOURCE_FILE, await client.gallery.thumbnail(sha256), "WEBP")]
    except AtelierError:
        return []
