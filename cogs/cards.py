"""What happens when somebody presses a button on a card."""

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot.client import Atelier
from bot.core.again import request_again
from bot.core.errors import AtelierError, RestartedError, SourceGoneError, UnknownJobError
from bot.core.jobs import LOCAL_USER, Job, Origin
from bot.core.messages import explain
from bot.core.policy import Actor, check_delete
from bot.tree import defer
from cogs.ui.buttons import CardButton, PickMenu
from cogs.ui.delivery import TOKEN_LIFE, CardMessage, InteractionCard, PostedCard, TokenCard
from cogs.ui.details import details_view
from cogs.ui.modals import LADDER, REMIX, Form, SourceModal
from cogs.ui.permissions import check_bot_permissions
from cogs.ui.progress import begin, deliver, show_ended, show_pictures
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
        await deliver(self._bot, job, tiles, InteractionCard(interaction), single=True)

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
                await show_pictures(self._bot, job, left, PostedCard(message))
            except AtelierError:  # the card keeps what it shows
                log.warning("card of job %s not updated", job.id, exc_info=True)

    async def close_interrupted(self) -> None:
        """Say on the cards of what a restart cut short that nothing comes any more."""
        for job in self._bot.generation.interrupted:
            for card in _ways_to(self._bot, job):
                if await show_ended(card, job, explain(RestartedError())):
                    break


def _ways_to(bot: Atelier, job: Job) -> Iterator[CardMessage]:
    """A card from before a restart: as a message, and by its interaction's token while that lives."""
    message = _card_of(bot, job)
    if message is not None:
        yield PostedCard(message)
    origin = job.origin
    if origin.interaction_token and origin.message_id and time.time() - job.created_at < TOKEN_LIFE:
        yield TokenCard(bot, origin.interaction_token, origin.message_id)


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
    bot.spawn(cog.close_interrupted(), "close-interrupted-cards")
