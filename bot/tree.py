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
_PROMISED: Final = "promised an answer"
_MESSAGE_ID: Final = "message id"
_ACKNOWLEDGED: Final = 40060
"""Discord's code for an interaction that has been acknowledged before."""
DISCORDS_OWN: Final = 500
"""From this HTTP status on a fault is Discord's, which may have done as told all the same."""
PLACEHOLDER: Final = "\N{HORIZONTAL ELLIPSIS}"
"""Stands for a moment where "thinking" was: the first answer takes its place, for all to see."""


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
    """Say "thinking" within Discord's three seconds; `answered` tells when something stands there.

    It is written down before: a process that dies in between leaves nobody looking at "thinking".
    """
    await interaction.client.promise(interaction.token, private=private)
    try:
        response = await _acknowledge(interaction, private=private)
    except discord.HTTPException as error:
        if error.status < DISCORDS_OWN:  # nothing was said, so nothing was promised
            interaction.client.keep_promise(interaction.token)
        raise
    interaction.extras[_THINKING] = not private
    interaction.extras[_PROMISED] = True
    interaction.extras[_MESSAGE_ID] = response and response.message_id


async def _acknowledge(
    interaction: discord.Interaction[Any], *, private: bool
) -> discord.InteractionCallbackResponse[Any] | None:
    """Defer; None when Discord had done so already, and its answer was lost on the way."""
    try:
        return await interaction.response.defer(thinking=True, ephemeral=private)
    except aiohttp.ClientError:
        log.warning("the connection broke while an interaction was acknowledged", exc_info=True)
    except discord.HTTPException as error:  # discord.py itself has tried again
        if error.code != _ACKNOWLEDGED:
            raise
        return None
    try:
        return await interaction.response.defer(thinking=True, ephemeral=private)
    except discord.HTTPException as error:
        if error.code != _ACKNOWLEDGED:
            raise
        return None


def is_acknowledged(interaction: discord.Interaction[Any]) -> bool:
    """Whether Discord has had its first answer."""
    return interaction.response.is_done() or _MESSAGE_ID in interaction.extras


def answered(interaction: discord.Interaction[Any], *, taken: bool = False) -> None:
    """The answer stands: an error from now on comes beside it.

    Args:
        taken: it became a job, which remembers by itself that its owner waits for an answer.
    """
    interaction.extras[_THINKING] = False
    if interaction.extras.pop(_PROMISED, False):
        interaction.client.keep_promise(interaction.token, taken=taken)


def message_id_of(interaction: discord.Interaction[Any]) -> int | None:
    """The message that says "thinking", and becomes the answer."""
    message_id: int | None = interaction.extras.get(_MESSAGE_ID)
    return message_id


async def reply_error(interaction: discord.Interaction[Any], error: BaseException) -> None:
    """Tell the person who acted, and nobody else, what went wrong."""
    if interaction.client.is_closed():
        # What was under way as the bot stopped fails for that reason, and cannot be answered any more.
        log.warning("stopped before an answer: %r", error)
        return
    text = sentence_for(error)
    try:
        if not is_acknowledged(interaction):
            await interaction.response.send_message(text, ephemeral=True)
            return
        thinking = interaction.extras.get(_THINKING)
        if thinking:
            # Let that be nothing, which goes away again; the one after it can be private.
            await interaction.edit_original_response(content=PLACEHOLDER)
        await interaction.followup.send(text, ephemeral=True)
        if thinking:
            await interaction.delete_original_response()
        answered(interaction)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError):
        # The interaction has expired or Discord is down: nobody is left to tell.
        log.warning("could not answer %r", error, exc_info=True)
