"""From an accepted request to its finished card."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import discord

from bot.client import Atelier
from bot.core.errors import AtelierError, DeliveryError
from bot.core.feed import Ticket
from bot.core.gallery import PictureFile
from bot.core.jobs import Cancelled, Failed, Finished, Generation, Job, Origin, Progress, Queued
from bot.core.messages import explain
from bot.core.policy import Actor, is_spoilered
from bot.core.requests import ImagineRequest, Kind
from bot.tree import defer, sentence_for
from cogs.ui.card import SOURCE_FILE, ended_card, finished_card, progress_card
from cogs.ui.delivery import TOO_LARGE, CardMessage, InteractionCard, largest, translated

log = logging.getLogger(__name__)

EDIT_GAP: Final = 1.5
"""Seconds between two edits of a card: Discord allows about five in five seconds per channel."""
CANCELLED: Final = "Cancelled."

Place = Callable[[discord.ui.LayoutView], Awaitable[tuple[CardMessage, discord.Message]]]


def origin_of(interaction: discord.Interaction[Any], *, private: bool) -> Origin:
    """Who asked, and where."""
    return Origin(
        user_id=interaction.user.id,
        user_name=interaction.user.name,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        interaction_token=interaction.token,
        private=private,
    )


async def begin(interaction: discord.Interaction[Atelier], request: ImagineRequest, *, private: bool) -> None:
    """Answer an interaction with a job's card and keep the card up to date until the job is over.

    Raises:
        AtelierError: it was not accepted.
    """
    if not interaction.response.is_done():
        interaction.client.generation.check(request, interaction.user.id)
        await defer(interaction, private=private)

    async def place(view: discord.ui.LayoutView) -> tuple[CardMessage, discord.Message]:
        card = InteractionCard(interaction)
        return card, await card.edit(view)

    await start(interaction.client, request, origin_of(interaction, private=private), place)


async def start(client: Atelier, request: ImagineRequest, origin: Origin, place: Place) -> None:
    """Submit, show the card with `place`, and follow the job beside.

    Raises:
        AtelierError: it was not accepted, or (DeliveryError) its card could not be shown.
    """
    ticket = await client.generation.submit(request, origin)
    name = f"card-{ticket.job.id}"
    try:
        with translated():
            card, message = await place(progress_card(ticket.job))
    except DeliveryError as error:  # the job goes on, and its pictures go to history
        client.spawn(_keep_when_made(client, ticket), name)
        raise replace(error, made=False) from error
    client.spawn(follow(client, ticket, card), name)
    await client.generation.placed(ticket.job.id, message.channel.id, message.id)


async def follow(client: Atelier, ticket: Ticket, card: CardMessage) -> None:
    """Edit the card until the job is over; what nobody foresaw ends on the card as an apology."""
    try:
        await _follow(client, ticket, card)
    except Exception as error:  # noqa: BLE001 - every error becomes a sentence
        await show_ended(card, ticket.job, sentence_for(error))


async def _follow(client: Atelier, ticket: Ticket, card: CardMessage) -> None:
    """Edit the card as the job goes on, at most every `EDIT_GAP` seconds, and show how it ended."""
    job = ticket.job
    async for event in ticket.events():
        match event:
            case Queued() | Progress():
                try:
                    await card.edit(progress_card(job, event))
                except DeliveryError:
                    log.warning("card of job %s not updated", job.id, exc_info=True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EDIT_GAP):
                        await ticket.outcome()
            case Finished(generations=generations):
                await deliver(client, job, generations, card)
            case Failed(error=error):
                await show_ended(card, job, explain(error))
            case Cancelled():
                await show_ended(card, job, CANCELLED)


async def deliver(
    client: Atelier, job: Job, generations: Sequence[Generation], card: CardMessage, *, single: bool = False
) -> None:
    """Show the finished pictures; where Discord will not have them, say so: they stay in history."""
    try:
        await show_pictures(client, job, generations, card, single=single)
    except AtelierError as error:
        log.warning("job %s was made, but not delivered: %r", job.id, error, exc_info=error.__cause__)
        if isinstance(error, DeliveryError):
            await _keep(client, job, generations)
        await show_ended(card, job, explain(error))


async def _keep(client: Atelier, job: Job, generations: Sequence[Generation]) -> None:
    """Take a ladder's tiles into history: nobody can pick one from a sheet that nobody sees."""
    for generation in generations:
        await client.gallery.pick(generation, Actor(job.origin.user_id))


async def _keep_when_made(client: Atelier, ticket: Ticket) -> None:
    outcome = await ticket.outcome()
    if isinstance(outcome, Finished):
        await _keep(client, ticket.job, outcome.generations)


async def show_pictures(
    client: Atelier, job: Job, generations: Sequence[Generation], card: CardMessage, *, single: bool = False
) -> None:
    """Put the finished pictures, or with `single` the one, on a card.

    Raises:
        DeliveryError: Discord does not take them, also not at half the size.
        AtelierError: a file is gone, or cannot be read.
    """
    files = await _files(client, job, generations, card.upload_limit, single=single)
    try:
        await _show(client, job, generations, card, files, single=single)
    except DeliveryError as error:
        if error.status != TOO_LARGE:
            raise
        # Discord's limit here is lower than it told us: once more, at half the size.
        files = await _files(client, job, generations, largest(files) // 2, single=single)
        await _show(client, job, generations, card, files, single=single)


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
    card: CardMessage,
    files: Sequence[PictureFile],
    *,
    single: bool,
) -> None:
    source: list[PictureFile] = []
    if job.source and (single or job.kind is not Kind.LADDER):  # a ladder's sheet shows it already
        source = await _thumbnail(client, job.source.sha256)
    spec = client.generation.catalog.find(job.recipe.model)
    view = finished_card(
        job,
        generations,
        files,
        spec,
        spoiler=spec is None or is_spoilered(spec, client.settings.spoiler),
        with_source=bool(source),
        single=single,
    )
    await card.edit(view, [*files, *source])


async def _thumbnail(client: Atelier, sha256: str) -> list[PictureFile]:
    """The source, small; a card does without when it has been deleted meanwhile."""
    try:
        return [PictureFile(SOURCE_FILE, await client.gallery.thumbnail(sha256), "WEBP")]
    except AtelierError:
        return []


async def show_ended(card: CardMessage, job: Job, sentence: str) -> bool:
    """Put a sentence where the pictures would have been; whether Discord took it."""
    try:
        await card.edit(ended_card(job, sentence))
    except DeliveryError:
        log.warning("job %s: card not updated (%s)", job.id, sentence, exc_info=True)
        return False
    return True
