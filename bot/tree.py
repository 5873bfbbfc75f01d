"""The command tree, and the one place that turns an error into a reply."""

import logging
import secrets
from typing import Any, Final

import aiohttp
import discord
from discord import app_commands

from bot.core.errors import AtelierError, ChannelNotServedError
from bot.core.messages import apology, explain
from bot.core.policy import check_channel

log = logging.getLogger(__name__)

Anywhere = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
Anyhow = app_commands.AppInstallationType(guild=True, user=True)
_THINKING: Final = "publicly thinking"


class AtelierTree(app_commands.CommandTree[Any]):
    """Commands for servers, direct messages and user installs."""

    def __init__(self, client: Any, *, channels: tuple[int, ...]) -> None:
        super().__init__(client, allowed_contexts=Anywhere, allowed_installs=Anyhow)
        self.channels = channels

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Answer only where the operator allows it."""
        if interaction.type is discord.InteractionType.autocomplete or interaction.guild_id is None:
            return True
        parent_id = getattr(interaction.channel, "parent_id", None)
        try:
            check_channel((interaction.channel_id, parent_id), self.channels)
        except ChannelNotServedError as error:
            await reply_error(interaction, error)
            return False
        return True

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        """What a command raised, as a sentence."""
        await reply_error(interaction, error)


def sentence_for(error: BaseException) -> str:
    """What a person reads for `error`; what nobody foresaw is logged under the reference it names."""
    if isinstance(error, app_commands.CommandInvokeError | app_commands.TransformerError):
        error = error.__cause__ or error
    if isinstance(error, AtelierError):
        return explain(error)
    reference = secrets.token_hex(4)
    log.error("unforeseen error %s", reference, exc_info=error)
    return apology(reference)


async def defer(interaction: discord.Interaction[Any], *, private: bool) -> None:
    """Say "thinking" within Discord's three seconds; `answered` tells when something stands there."""
    await interaction.response.defer(thinking=True, ephemeral=private)
    interaction.extras[_THINKING] = not private


def answered(interaction: discord.Interaction[Any]) -> None:
    """The answer stands: an error from now on comes beside it."""
    interaction.extras[_THINKING] = False


async def reply_error(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the person who acted, and nobody else, what went wrong."""
    if interaction.client.is_closed():
        # What was under way as the bot stopped fails for that reason, and cannot be answered any more.
        log.warning("stopped before an answer: %r", error)
        return
    text = sentence_for(error)
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
            return
        thinking = interaction.extras.get(_THINKING)
        if thinking:
            # The first answer takes the place of the public "thinking", for all to see: let that be
            # nothing, which goes away again; the one after it can be private.
            await interaction.edit_original_response(content="\N{HORIZONTAL ELLIPSIS}")
        await interaction.followup.send(text, ephemeral=True)
        if thinking:
            await interaction.delete_original_response()
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError):
        # The interaction has expired or Discord is down: nobody is left to tell.
        log.warning("could not answer %r", error, exc_info=True)
