"""A job's card: the one message that answers it, reached by whatever way Discord leaves open.

The answer to an interaction is edited by its token while that lives, 15 minutes, in this process or in
another; then as a message. Where the message is gone, another is sent, once: it is looked for among the
channel's recent messages first, and carries a nonce, which Discord enforces for a few minutes. Where the
channel is gone too, or was a private answer's, it goes to its owner directly.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import discord
from discord import ui

from bot.client import Atelier
from bot.core.errors import DeliveryError, StorageError, UnconfirmedError, UnknownJobError
from bot.core.gallery import PictureFile
from bot.core.jobs import Job, JobStatus
from cogs.ui.delivery import as_files, persist, translated, webhook_of
from cogs.ui.target import TARGET_PATTERN

log = logging.getLogger(__name__)

TOKEN_LIFE: Final = 15 * 60
"""Seconds for which an interaction's token can be used."""
LOOK_BACK: Final = 100
"""Newest messages of a channel among which a job's card is looked for."""
CLOCKS_APART: Final = 60
"""Seconds that our clock may run ahead of Discord's."""
_CLOSED: Final = frozenset({401, 403, 404})
"""HTTP statuses of a way that is shut for good: the token over, the message or channel gone, forbidden."""
_TARGET: Final = re.compile(rf"atelier:\w+:{TARGET_PATTERN}")

_CLOSED_THREAD: Final = frozenset({50083, 160005})
"""Discord's codes for a thread that is archived or locked."""

Way = Callable[[ui.LayoutView, Sequence[PictureFile]], Awaitable[discord.Message]]


class CardUnreachableError(Exception):
    """No way is left to the card's owner."""


class JobCard:
    """Implements `CardMessage` for a job of this process or of an earlier one."""

    def __init__(
        self,
        client: Atelier,
        job: Job,
        *,
        upload_limit: int | None = None,
        reply_to: discord.Message | None = None,
    ) -> None:
        """
        Args:
            upload_limit: most bytes of one file, where the interaction has told.
            reply_to: the message that asked, when it was one: the card is sent as a reply to it.
        """
        self._client = client
        self._job = job
        self._reply_to = reply_to
        origin = job.origin
        guild = client.get_guild(origin.guild_id) if origin.guild_id else None
        default = guild.filesize_limit if guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
        self._upload_limit = upload_limit or default
        self._channel_id = origin.channel_id
        self._message_id = origin.message_id
        self._is_known = origin.message_id is not None
        """Whether the database knows which message it is."""
        self._addressed = False
        """Whether the view at hand names its owner already."""
        self._may_be_shown = job.origin.private and job.status is JobStatus.DELIVERING
        """Whether a private answer, which nobody can look at again, may show the pictures: Discord was sent
        them, by this process or by one that died over it, and has not said that it did not take them."""
        self._sent = False
        """Whether this process has sent it as a message of its own."""
        self._shut: set[str] = set()
        """Ways that have turned out to be closed."""

    @property
    def upload_limit(self) -> int:
        return self._upload_limit

    async def edit(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> None:
        """Show `view` where the card stands, if it does; an asker's message is replied to.

        Raises:
            DeliveryError: not now, or not so.
            CardUnreachableError: it stands nowhere (any more).
        """
        ways = [("token", self._by_token), ("message", self._by_message)]
        if self._reply_to and not self._message_id:
            ways.append(("channel", self._in_channel))
        elif not (self._message_id or self._job.origin.interaction_token):
            ways.append(("found", self._where_found))
        await self._go(ways, view, files)

    async def conclude(self, view: ui.LayoutView, files: Sequence[PictureFile] = ()) -> None:
        """Show how it ended: on its card, or else wherever its owner can be reached.

        Raises:
            DeliveryError, CardUnreachableError: as `edit`.
            UnconfirmedError: its owner may have seen these pictures in private already.
        """
        ways = [("token", self._by_token), ("message", self._by_message)]
        if not self._job.origin.private:
            ways.append(("channel", self._in_channel))
        ways.append(("direct", self._directly))
        await self._go(ways, view, files)

    async def _go(
        self, ways: Sequence[tuple[str, Way]], view: ui.LayoutView, files: Sequence[PictureFile]
    ) -> None:
        self._addressed = False
        for name, way in ways:
            if name in self._shut or not self._leads(name):
                continue
            if name == "direct" and files and self._may_be_shown:
                raise UnconfirmedError
            try:
                with translated(files, self.upload_limit):
                    message = await way(view, files)
            except DeliveryError as error:
                if not _is_closed(error):
                    self._may_be_shown |= self._job.origin.private and bool(files)
                    raise
                log.info("job %s: no way to its card by %s: %s", self._job.id, name, error.__cause__)
                self._shut.add(name)
                continue
            if name != "direct":
                await self._remember(message)
            return
        raise CardUnreachableError

    def _leads(self, way: str) -> bool:
        match way:
            case "token":
                young = time.time() - self._job.created_at < TOKEN_LIFE
                return bool(self._job.origin.interaction_token) and young and not self._sent
            case "message":
                return self._channel_id is not None and self._message_id is not None
            case "channel" | "found":
                return self._job.origin.channel_id is not None
            case _:
                return True

    async def _by_token(self, view: ui.LayoutView, files: Sequence[PictureFile]) -> discord.Message:
        webhook = webhook_of(self._client, self._job.origin.interaction_token or "")
        original: Any = self._message_id or "@original"
        return await persist(lambda: webhook.edit_message(original, view=view, attachments=as_files(files)))

    async def _by_message(self, view: ui.LayoutView, files: Sequence[PictureFile]) -> discord.Message:
        assert self._message_id is not None  # noqa: S101 - else it leads nowhere
        message = self._messageable(self._channel_id).get_partial_message(self._message_id)
        return await persist(lambda: message.edit(view=view, attachments=as_files(files)))

    async def _in_channel(self, view: ui.LayoutView, files: Sequence[PictureFile]) -> discord.Message:
        channel = self._messageable(self._job.origin.channel_id)
        return await self._send(channel, view, files)

    async def _where_found(self, view: ui.LayoutView, files: Sequence[PictureFile]) -> discord.Message:
        """A card of an earlier process that died before it knew which message it is."""
        found = await self._find(self._messageable(self._job.origin.channel_id))
        if found is None:
            self._shut.add("found")
            raise CardUnreachableError
        return await persist(lambda: found.edit(view=view, attachments=as_files(files)))

    async def _directly(self, view: ui.LayoutView, files: Sequence[PictureFile]) -> discord.Message:
        owner = discord.Object(self._job.origin.user_id)
        return await self._send(await self._client.create_dm(owner), view, files)

    def _messageable(self, channel_id: int | None) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id or 0, guild_id=self._job.origin.guild_id)

    async def _send(
        self, channel: discord.abc.Messageable, view: ui.LayoutView, files: Sequence[PictureFile]
    ) -> discord.Message:
        """A new message, unless one is there already that an earlier try has sent."""
        first = self._reply_to is not None and not self._sent
        if not first and (found := await self._find(channel)):
            return await persist(lambda: found.edit(view=view, attachments=as_files(files)))
        self._sent = True
        owner = discord.Object(self._job.origin.user_id)
        if not first and not self._addressed:
            view.add_item(ui.TextDisplay(f"-# For <@{owner.id}>"))
            self._addressed = True
        send = channel.send
        if self._reply_to:
            reference = self._reply_to.to_reference(fail_if_not_exists=False)
            send = partial(send, reference=reference, mention_author=False)
        return await persist(
            lambda: send(
                view=view,
                files=as_files(files),
                nonce=self._nonce,
                allowed_mentions=discord.AllowedMentions(users=[] if first else [owner]),
            )
        )

    @property
    def _nonce(self) -> str:
        """Names the job, and the message that this one takes the place of: at most 25 characters."""
        return f"{self._job.id}-{self._message_id:x}" if self._message_id else self._job.id

    async def _find(self, channel: discord.abc.Messageable) -> discord.Message | None:
        """The job's card among the newest messages."""
        asked = datetime.fromtimestamp(self._job.created_at - CLOCKS_APART, tz=UTC)
        since = discord.Object(discord.utils.time_snowflake(asked))
        async for message in channel.history(limit=LOOK_BACK, after=since, oldest_first=False):
            if self._client.user and message.author.id == self._client.user.id:
                targets = (_TARGET.fullmatch(custom_id) for custom_id in _custom_ids(message.components))
                if any(t and t["job"] == self._job.id and t["index"] is None for t in targets):
                    return message
        return None

    async def _remember(self, message: discord.Message) -> None:
        """Which message it is; where that cannot be written down, the next start looks for it again."""
        if self._is_known and message.id == self._message_id:
            return
        self._channel_id, self._message_id = message.channel.id, message.id
        try:
            await self._client.generation.placed(self._job.id, message.channel.id, message.id)
        except (StorageError, UnknownJobError) as error:
            log.warning("job %s: its card could not be written down: %r", self._job.id, error)
        else:
            self._is_known = True


def _is_closed(error: DeliveryError) -> bool:
    """Whether a way is shut for good."""
    return error.status in _CLOSED or getattr(error.__cause__, "code", 0) in _CLOSED_THREAD


def _custom_ids(components: Sequence[Any]) -> Iterator[str]:
    for component in components:
        if custom_id := getattr(component, "custom_id", None):
            yield custom_id
        yield from _custom_ids(getattr(component, "children", ()))
