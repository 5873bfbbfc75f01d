"""The message that is a job's card, and how its edits reach Discord."""

import io
from collections.abc import Sequence
from typing import Final, Protocol

import discord
from discord import ui

from bot.client import Atelier
from bot.core.gallery import PictureFile
from bot.tree import answered

EXPIRED_TOKEN: Final = frozenset({50027, 10015})
"""Discord's codes for an interaction token that is over: Invalid Webhook Token, Unknown Webhook."""


class CardMessage(Protocol):
    """Where a card stands."""

    @property
    def upload_limit(self) -> int:
        """Most bytes of one file there."""
        ...

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> discord.Message:
        """Show `view` instead, with exactly these files attached. Raises discord.HTTPException."""
        ...


class InteractionCard:
    """The answer to an interaction. Past the token's 15 minutes the message itself is edited."""

    def __init__(self, interaction: discord.Interaction[Atelier]) -> None:
        self._interaction = interaction
        self._message: discord.Message | None = None

    @property
    def upload_limit(self) -> int:
        return self._interaction.filesize_limit

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> discord.Message:
        try:
            self._message = await self._interaction.edit_original_response(
                view=view, attachments=as_files(files)
            )
        except discord.HTTPException as error:
            if self._message is None or error.code not in EXPIRED_TOKEN:
                raise
            channel = self._interaction.client.get_partial_messageable(self._message.channel.id)
            partial = channel.get_partial_message(self._message.id)
            return await partial.edit(view=view, attachments=as_files(files))
        answered(self._interaction)
        return self._message


class PostedCard:
    """A message that is edited as such: an answer to a mention, or a card from before a restart."""

    def __init__(self, message: discord.Message | discord.PartialMessage) -> None:
        self._message = message

    @property
    def upload_limit(self) -> int:
        guild = self._message.guild
        return guild.filesize_limit if guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> discord.Message:
        return await self._message.edit(view=view, attachments=as_files(files))


def as_files(files: Sequence[PictureFile]) -> list[discord.File]:
    """Fresh discord files: one is used up by being sent."""
    return [discord.File(io.BytesIO(file.data), file.name) for file in files]
