"""What the bot itself may do where it is asked to answer."""

from typing import Any, Final

import discord

from bot.core.errors import BotPermissionError

NEEDED: Final = {"attach_files": "Attach Files", "embed_links": "Embed Links"}
"""For the answer to a command, which itself needs no permission to send."""
NEEDED_TO_POST: Final = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "read_message_history": "Read Message History",
    **NEEDED,
}
"""For a message of the bot's own, as an answer to a mention."""


def check_bot_permissions(interaction: discord.Interaction[Any]) -> None:
    """Whether the bot can show pictures where this interaction happens.

    Raises:
        BotPermissionError: names what is missing.
    """
    if interaction.guild_id is not None:  # nothing is forbidden in direct messages
        _check(interaction.app_permissions, NEEDED, interaction.channel_id)


def check_can_post(channel: Any, me: discord.Member | None) -> None:
    """Whether the bot can post pictures in a channel; `me` is None in direct messages.

    Raises:
        BotPermissionError: names what is missing.
    """
    if me is not None:
        allowed = channel.permissions_for(me)
        needed = dict(NEEDED_TO_POST)
        if isinstance(channel, discord.Thread):
            del needed["send_messages"]
            needed["send_messages_in_threads"] = "Send Messages in Threads"
        _check(allowed, needed, channel.id)


def _check(allowed: discord.Permissions, needed: dict[str, str], channel_id: int | None) -> None:
    missing = tuple(name for flag, name in needed.items() if not getattr(allowed, flag))
    if missing:
        raise BotPermissionError(missing, channel_id)
