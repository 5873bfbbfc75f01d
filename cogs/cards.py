"""What happens when somebody presses a button on a card."""

import contextlib
import logging
import time
from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot.client import Atelier
from bot.core.again import request_again
from bot.core.errors import AtelierError, DeliveryError, SourceGoneError, UnknownJobError, UntakenError
from bot.core.jobs import LOCAL_USER, Job, Origin
from bot.core.messages import explain
from bot.core.policy import Actor, check_delete
from bot.tree import defer
from cogs.ui.buttons import CardButton, PickMenu
from cogs.ui.delivery import InteractionCard, PostedCard, may_pass, persist, translated, webhook_of
from cogs.ui.details import details_view
from cogs.ui.job_card import TOKEN_LIFE, JobCard
from cogs.ui.modals import LADDER, REMIX, Form, SourceModal
from cogs.ui.permissions import check_bot_permissions
from cogs.ui.progress import begin, follow
from cogs.ui.showing import deliver_single, show_pictures
from cogs.ui.sources import Sources
from cogs.ui.target import Action, Target

log = logging.getLogger(__name__)


class Cards(commands.Cog):
    """Remix, Again, Ladder and Details are for whoever sees the card; Cancel and Delete are not."""

    def __init__(self, bot: Atelier) -> None:
        self._bot = bot
        self._sources = Sources(bot)

    async def press(self, interaction: discord.Interaction[Atelier], action: Action, target: Target) -> None:
        """Do what the button says.

        Raises:
            AtelierError: it cannot be done; told to the one who pressed, privately.
        """
        match action:
            case Action.REMIX:
                await self._open(interaction, REMIX, target)
            case Action.LADDER:
                await self._open(interaction, LADDER, target)
            case Action.AGAIN:
                await self._again(interaction, target)
            case Action.DETAILS:
                await self._details(interaction, target)
            case Action.CANCEL:
                await self._bot.generation.cancel(target.job_id, _actor(interaction))
                await interaction.response.defer()  # the card itself says how it ended
            case Action.DELETE:
                await self._delete(interaction, target)

    async def pick(self, interaction: discord.Interaction[Atelier], target: Target) -> None:
        """Give a ladder's tile a card of its own.

        Raises:
            NotYoursError: somebody else's ladder.
            SourceGoneError: the tile was deleted.
        """
        job = await self._bot.gallery.job(target.job_id)
        tiles = await self._bot.gallery.on_card(target.job_id, target.index)
        await self._bot.gallery.pick(tiles[0], _actor(interaction))
        await defer(interaction, private=job.origin.private)
        await deliver_single(self._bot, job, tiles, InteractionCard(interaction))

    async def _open(self, interaction: discord.Interaction[Atelier], form: Form, target: Target) -> None:
        check_bot_permissions(interaction)
        choices = await self._bot.gallery.on_card(target.job_id, target.index)
        await interaction.response.send_modal(SourceModal(form, self._sources, choices, interaction.message))

    async def _again(self, interaction: discord.Interaction[Atelier], target: Target) -> None:
        check_bot_permissions(interaction)
        job = await self._bot.gallery.job(target.job_id)
        seen_by_one = interaction.message is not None and interaction.message.flags.ephemeral
        await begin(interaction, request_again(job, target.index), private=seen_by_one)

    async def _details(self, interaction: discord.Interaction[Atelier], target: Target) -> None:
        job = await self._bot.gallery.job(target.job_id)
        try:
            generations = await self._bot.gallery.on_card(target.job_id, target.index)
        except SourceGoneError:  # a job that made nothing has its parameters all the same
            generations = []
        view: ui.LayoutView = details_view(job, generations)
        await interaction.response.send_message(view=view, ephemeral=True)

    async def _delete(self, interaction: discord.Interaction[Atelier], target: Target) -> None:
        try:
            job = await self._bot.gallery.job(target.job_id)
            generations = await self._bot.gallery.on_card(target.job_id, target.index)
        except (UnknownJobError, SourceGoneError):
            await self._delete_leftover(interaction)
            return
        await self._bot.gallery.delete(generations, _actor(interaction))
        await interaction.response.defer()
        await interaction.delete_original_response()
        if interaction.message and interaction.message.id != job.origin.message_id:
            await self._delete_from_card(job)

    async def _delete_leftover(self, interaction: discord.Interaction[Atelier]) -> None:
        """A card whose pictures are gone already: who asked for it is known to Discord alone."""
        asked = interaction.message.interaction_metadata if interaction.message else None
        check_delete(_actor(interaction), Origin(user_id=asked.user.id if asked else LOCAL_USER))
        await interaction.response.defer()
        await interaction.delete_original_response()

    async def _delete_from_card(self, job: Job) -> None:
        """What was deleted on a card of its own goes from the job's card too."""
        message = _card_of(self._bot, job)
        if message is None:
            return
        try:
            left = await self._bot.gallery.on_card(job.id)
        except SourceGoneError:
            with contextlib.suppress(discord.NotFound, discord.Forbidden):
                await message.delete()
        else:
            try:
                card = PostedCard(message)
                await show_pictures(self._bot, job, left, card.edit, card.upload_limit)
            except AtelierError:  # the card keeps what it shows
                log.warning("card of job %s not updated", job.id, exc_info=True)

    async def take_up(self) -> None:
        """Go on where the last process ended: with its jobs, and with whoever it left without an answer."""
        taken_up, self._bot.generation.taken_up = self._bot.generation.taken_up, []
        for ticket in taken_up:
            follow(self._bot, ticket, JobCard(self._bot, ticket.job))
        for promise in await self._bot.acknowledged.all():
            try:
                if time.time() - promise.created_at > TOKEN_LIFE or await self._admit(promise.token):
                    await self._bot.acknowledged.remove(promise.token)
            except Exception:  # the others wait for theirs all the same
                log.exception("an interaction of the last process could not be answered")

    async def _admit(self, token: str) -> bool:
        """Say where "thinking" stands that nothing came of it: in one step, whoever sees it, so that no
        death in between leaves anything else there. Whether there is no more to say."""
        webhook = webhook_of(self._bot, token)
        original: Any = "@original"
        sentence = explain(UntakenError())
        try:
            with translated():
                try:
                    await persist(lambda: webhook.edit_message(original, content=sentence))
                except discord.NotFound:  # somebody has deleted it
                    await webhook.send(sentence, ephemeral=True)
        except DeliveryError as error:
            log.info("an interaction of the last process could not be answered: %r", error)
            # Where Discord knows it no more, nobody is left looking at it.
            return not may_pass(error)
        return True


def _card_of(bot: Atelier, job: Job) -> discord.PartialMessage | None:
    """The message of a job's card, if it is one that the bot can reach without an interaction."""
    origin = job.origin
    if origin.private or origin.channel_id is None or origin.message_id is None:
        return None
    channel = bot.get_partial_messageable(origin.channel_id, guild_id=origin.guild_id)
    return channel.get_partial_message(origin.message_id)


def _actor(interaction: discord.Interaction[Any]) -> Actor:
    # In a direct message Discord grants "Manage Messages" to everyone; nobody moderates there.
    in_guild = interaction.guild_id is not None
    return Actor(interaction.user.id, moderator=in_guild and interaction.permissions.manage_messages)


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    cog = Cards(bot)
    await bot.add_cog(cog)
    bot.add_dynamic_items(CardButton, PickMenu)
    if bot.takes_up:
        bot.spawn(cog.take_up(), "take-up")
