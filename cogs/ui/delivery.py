"""A message that shows a card, and how its edits reach Discord."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import aiohttp
import discord
from discord import ui

from bot.client import Atelier
from bot.core.errors import DeliveryError
from bot.core.gallery import PictureFile
from bot.tree import DISCORDS_OWN, answered

TOO_LARGE: Final = 413
TOO_MANY: Final = 429
NO_ANSWER: Final = 0
RETRY_WAITS: Final = (1, 3, 5, 7)
"""Seconds before each further try, as discord.py waits."""


def webhook_of(client: Atelier, token: str) -> discord.Webhook:
    """What the token of an interaction opens, in another process than the one that it came to, too.

    As `Interaction.followup` makes it: one of `Webhook.partial` may not answer in private.
    """
    assert client.application_id is not None  # noqa: S101 - known after login
    data: Any = {"id": client.application_id, "type": discord.WebhookType.application.value, "token": token}
    return discord.Webhook.from_state(data, client._connection)  # noqa: SLF001 - as an interaction does


class CardMessage(Protocol):
    """Where a card stands."""

    @property
    def upload_limit(self) -> int:
        """Most bytes of one file there."""
        ...

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> None:
        """Show `view` instead, with exactly these files attached. Raises DeliveryError."""
        ...


class InteractionCard:
    """The answer to an interaction that begins no job: it is there at once or not at all."""

    def __init__(self, interaction: discord.Interaction[Atelier]) -> None:
        self._interaction = interaction

    @property
    def upload_limit(self) -> int:
        return self._interaction.filesize_limit

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> None:
        with translated(files, self.upload_limit):
            await persist(
                lambda: self._interaction.edit_original_response(view=view, attachments=as_files(files))
            )
        answered(self._interaction)


class PostedCard:
    """A message that is edited as such."""

    def __init__(self, message: discord.Message | discord.PartialMessage) -> None:
        self._message = message

    @property
    def upload_limit(self) -> int:
        guild = self._message.guild
        return guild.filesize_limit if guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> None:
        with translated(files, self.upload_limit):
            await persist(lambda: self._message.edit(view=view, attachments=as_files(files)))


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


def may_pass(error: DeliveryError) -> bool:
    """Whether it may do at another time: Discord is down, out of reach, or wants to be let alone."""
    return error.status in (NO_ANSWER, TOO_MANY) or error.status >= DISCORDS_OWN


def largest(files: Sequence[PictureFile]) -> int:
    """Bytes of the largest file."""
    return max((len(file.data) for file in files), default=0)


async def persist(send: Callable[[], Awaitable[discord.Message]]) -> discord.Message:
    """Edit or send, and try again where the connection broke: an edit done twice does no harm, and what
    is sent carries a nonce.

    discord.py itself tries again after most of Discord's own faults, but of broken connections it
    knows only two error numbers, and neither is Linux's.
    """
    for wait in RETRY_WAITS:
        try:
            return await send()
        except aiohttp.ClientError:
            await asyncio.sleep(wait)
    return await send()


def as_files(files: Sequence[PictureFile]) -> list[discord.File]:
    """Fresh discord files: one is used up by being sent."""
    return [discord.File(io.BytesIO(file.data), file.name) for file in files]
