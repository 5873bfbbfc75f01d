"""From an accepted request to its finished card, in this process or, after a restart, in the next."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection
from typing import Any, Final

import discord

from bot.client import Atelier
from bot.core.errors import (
    AtelierError,
    DeliveryError,
    SourceGoneError,
    StorageError,
    UnknownJobError,
)
from bot.core.feed import Ticket
from bot.core.jobs import Cancelled, Failed, Finished, Job, Origin, Outcome, Progress, Queued, Suspended
from bot.core.messages import explain
from bot.core.requests import ImagineRequest
from bot.tree import answered, defer, is_acknowledged, message_id_of, sentence_for
from cogs.ui import pace
from cogs.ui.card import ended_card, progress_card, suspended_card
from cogs.ui.delivery import may_pass
from cogs.ui.job_card import CardUnreachableError, JobCard
from cogs.ui.showing import keep, show_pictures, spoilered

log = logging.getLogger(__name__)

CANCELLED: Final = "Cancelled."
PATIENCE: Final = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds before each further try to deliver what is made, while Discord is down or cannot be reached."""


def origin_of(interaction: discord.Interaction[Any], *, private: bool) -> Origin:
    """Who asked, and where."""
    return Origin(
        user_id=interaction.user.id,
        user_name=interaction.user.name,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        message_id=message_id_of(interaction),
        interaction_token=interaction.token,
        private=private,
    )


def roles_of(user: discord.User | discord.Member) -> list[int]:
    """Ids of the roles that somebody has where they ask."""
    return [role.id for role in user.roles] if isinstance(user, discord.Member) else []


async def begin(interaction: discord.Interaction[Atelier], request: ImagineRequest, *, private: bool) -> None:
    """Answer an interaction with a job's card and keep the card up to date until the job is over.

    Raises:
        AtelierError: it was not accepted.
    """
    client, place = interaction.client, None
    if not is_acknowledged(interaction):
        place = client.generation.reserve(request, interaction.user.id, interaction.guild_id)
    try:
        if place:
            await defer(interaction, private=private)
        origin = origin_of(interaction, private=private)
        ticket = await client.generation.submit(request, origin, roles_of(interaction.user), place)
    except BaseException:
        if place:
            client.generation.release(place)
        raise
    answered(interaction, taken=True)
    follow(client, ticket, JobCard(client, ticket.job, upload_limit=interaction.filesize_limit))


async def reply(
    client: Atelier, message: discord.Message, request: ImagineRequest, origin: Origin, roles: Collection[int]
) -> None:
    """Answer a message with a job's card, as `begin` does an interaction. Raises AtelierError."""
    ticket = await client.generation.submit(request, origin, roles)
    follow(client, ticket, JobCard(client, ticket.job, reply_to=message))


def follow(client: Atelier, ticket: Ticket, card: JobCard) -> None:
    """Keep a card up to date beside whatever else goes on, until its owner has seen how the job ended."""
    client.spawn(_follow(client, ticket, card), f"card-{ticket.job.id}")


async def _follow(client: Atelier, ticket: Ticket, card: JobCard) -> None:
    try:
        outcome = await _show_progress(client, ticket, card)
    except Exception as error:  # noqa: BLE001 - every error becomes a sentence
        sentence_for(error)
        outcome = await ticket.outcome()
    if isinstance(outcome, Suspended):  # the next start follows it
        with contextlib.suppress(DeliveryError, CardUnreachableError):
            await card.edit(suspended_card(ticket.job, explain(outcome.error)))
        return
    await _conclude(client, ticket.job, outcome, card)
    try:
        await client.generation.settle(ticket.job.id)
    except StorageError:  # the next start shows it once more, on the same card
        log.warning("job %s could not be settled", ticket.job.id, exc_info=True)


async def _show_progress(client: Atelier, ticket: Ticket, card: JobCard) -> Outcome:
    """Edit the card as the job goes on: never two edits at once, and always the latest that is known."""
    async for event in ticket.events():
        if isinstance(event, Queued | Progress):
            begun, refused = time.monotonic(), False
            try:
                await _show_event(client, ticket.job, event, card)
            except (DeliveryError, CardUnreachableError) as error:
                log.warning("card of job %s not updated: %r", ticket.job.id, error)
                refused = True
            gap = pace.gap(cards=client.cards, took=time.monotonic() - begun, refused=refused)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(gap):
                    await ticket.outcome()
    return await ticket.outcome()


async def _show_event(client: Atelier, job: Job, event: Queued | Progress, card: JobCard) -> None:
    forming = await client.gallery.previews(event.previews) if isinstance(event, Progress) else []
    await card.edit(progress_card(job, event, forming, spoiler=spoilered(client, job)), forming)


async def _conclude(client: Atelier, job: Job, outcome: Outcome, card: JobCard) -> None:
    """Show how it ended; while Discord is down, again and again, ever more seldom."""
    for wait in (*PATIENCE, None):
        try:
            await _show_outcome(client, job, outcome, card)
        except DeliveryError as error:
            if wait is not None and may_pass(error):
                log.warning("job %s: not delivered yet (%r), again in %.0f s", job.id, error, wait)
                await asyncio.sleep(wait)
                continue
            await _give_up(client, job, outcome, card, error)
        except CardUnreachableError:
            log.warning("job %s: nobody can be told how it ended (%s)", job.id, type(outcome).__name__)
            await _keep(client, job, outcome)
        except StorageError as error:
            if wait is not None:
                log.warning("job %s: not delivered yet (%r), again in %.0f s", job.id, error, wait)
                await asyncio.sleep(wait)
                continue
            await _give_up(client, job, outcome, card, error)
        except AtelierError as error:
            await _give_up(client, job, outcome, card, error)
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await _say(card, job, sentence_for(error))
        return


async def _show_outcome(client: Atelier, job: Job, outcome: Outcome, card: JobCard) -> None:
    match outcome:
        case Finished(generations=generations):
            with contextlib.suppress(UnknownJobError):  # deleted meanwhile
                job = await client.gallery.job(job.id)  # with the times at which it ran
            if not generations:
                raise SourceGoneError("picture")
            await show_pictures(client, job, generations, card.conclude, card.upload_limit)
        case Failed(error=error):
            await card.conclude(ended_card(job, explain(error)))
        case Cancelled():
            with contextlib.suppress(CardUnreachableError):  # whoever took it back knows
                await card.edit(ended_card(job, CANCELLED))


async def _give_up(client: Atelier, job: Job, outcome: Outcome, card: JobCard, error: AtelierError) -> None:
    """What is made stays in history, and the card says so if it can."""
    log.warning("job %s was not delivered: %r", job.id, error, exc_info=error.__cause__)
    await _keep(client, job, outcome)
    await _say(card, job, explain(error))


async def _keep(client: Atelier, job: Job, outcome: Outcome) -> None:
    if isinstance(outcome, Finished):
        try:
            await keep(client, job, outcome.generations)
        except AtelierError:
            log.warning("job %s: its tiles could not be taken into history", job.id, exc_info=True)


async def _say(card: JobCard, job: Job, sentence: str) -> None:
    try:
        await card.conclude(ended_card(job, sentence))
    except (DeliveryError, CardUnreachableError):
        log.warning("job %s: card not updated (%s)", job.id, sentence, exc_info=True)
