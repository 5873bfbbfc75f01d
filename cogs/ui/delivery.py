"""The message that is a job's card, and how its edits reach Discord."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import aiohttp
import discord
from discord import ui

from bot.client import Atelier
from bot.core.errors import DeliveryError
from bot.core.gallery import PictureFile
from bot.tree import answered

TOO_LARGE: Final = 413
NO_ANSWER: Final = 0
RETRY_WAITS: Final = (1, 3, 5, 7)
"""Seconds before each further try, as discord.py waits."""
TOKEN_LIFE: Final = 15 * 60
"""Seconds for which an interaction's token can be used."""
EXPIRED_TOKEN: Final = frozenset({50027, 10015})
"""Discord's codes for an interaction token that is over: Invalid Webhook Token, Unknown Webhook."""


class CardMessage(Protocol):
    """Where a card stands."""

    @property
    def upload_limit(self) -> int:
        """Most bytes of one file there."""
        ...

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> discord.Message:
        """Show `view` instead, with exactly these files attached. Raises DeliveryError."""
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
        with translated(files, self.upload_limit):
            try:
                self._message = await _persist(
                    lambda: self._interaction.edit_original_response(view=view, attachments=as_files(files))
                )
            except discord.HTTPException as error:
                if self._message is None or error.code not in EXPIRED_TOKEN:
                    raise
                channel = self._interaction.client.get_partial_messageable(self._message.channel.id)
                partial = channel.get_partial_message(self._message.id)
                return await _persist(lambda: partial.edit(view=view, attachments=as_files(files)))
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
        with translated(files, self.upload_limit):
            return await _persist(lambda: self._message.edit(view=view, attachments=as_files(files)))


class TokenCard:
    """The answer to an interaction of an earlier process, reached by its token while that lives.

    The only way to private answers, and to those of a user install.
    """

    upload_limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES

    def __init__(self, client: Atelier, token: str, message_id: int) -> None:
        assert client.application_id is not None  # noqa: S101 - known after login
        self._webhook = discord.Webhook.partial(client.application_id, token, client=client)
        self._message_id = message_id

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> discord.Message:
        with translated(files, self.upload_limit):
            return await _persist(
                lambda: self._webhook.edit_message(self._message_id, view=view, attachments=as_files(files))
            )


@contextmanager
def translated(files: Sequence[PictureFile] = (), limit: int = 0) -> Iterator[None]:
    """What Discord, or the way there, has against a message with these files, as a DeliveryError."""
    try:
        yield
    except discord.HTTPException as error:
        size = largest(files) if error.status == TOO_LARGE else 0
        raise DeliveryError(error.status, size, limit) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DeliveryError(NO_ANSWER) from error


def largest(files: Sequence[PictureFile]) -> int:
    """Bytes of the largest file."""
    return max((len(file.data) for file in files), default=0)


async def _persist(edit: Callable[[], Awaitable[discord.Message]]) -> discord.Message:
    """Edit, and try again where the connection broke; an edit done twice does no harm.

    discord.py itself tries again after most of Discord's own faults, but of broken connections it
    knows only two error numbers, and neither is Linux's.
    """
    for wait in RETRY_WAITS:
        try:
            return await edit()
        except aiohttp.ClientError:
            await asyncio.sleep(wait)
    return await edit()


def as_files(files: Sequence[PictureFile]) -> list[discord.File]:
    """Fresh discord files: one is used up by being sent."""
    return [discord.File(io.BytesIO(file.data), file.name) for file in files]
