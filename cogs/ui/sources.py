"""Where a remix starts: every door leads through here, and every door checks who may enter."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import discord

from bot.client import Atelier
from bot.core.errors import (
    BadImageError,
    BotPermissionError,
    ManyPicturesError,
    NoSourceError,
    PrivateSourceError,
    SourceAccessError,
    SourceGoneError,
    SourceHiddenError,
)
from bot.core.ids import parse_generation_id
from bot.core.jobs import Generation
from bot.core.policy import Actor, check_use
from bot.core.requests import Source
from cogs.ui.pictures import PictureLink, is_hidden, pictures_in

LINK: Final = re.compile(
    r"<?https://(?:ptb\.|canary\.)?discord(?:app)?\.com/channels/"
    r"(?P<guild>@me|\d{15,21})/(?P<channel>\d{15,21})/(?P<message>\d{15,21})/?>?"
)
LOOK_BACK: Final = 50
"""Messages looked through for "the channel's latest picture"."""
FETCH_SECONDS: Final = 20
MIB: Final = 1024 * 1024

Choice = Generation | PictureLink


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants a picture, and from where: what decides which pictures they could see."""

    user: discord.User | discord.Member
    guild_id: int | None
    channel: Any
    """The channel they ask in; None where Discord does not name it."""
    reads_here: bool
    """Whether they can read that channel's history: commands can be used without."""
    private: bool = False
    """Whether they alone will see the answer."""

    @classmethod
    def of(cls, interaction: discord.Interaction[Any], *, private: bool = False) -> "Asker":
        reads_here = interaction.guild_id is None or interaction.permissions.read_message_history
        return cls(interaction.user, interaction.guild_id, interaction.channel, reads_here, private)


class Sources:
    """Finds the picture to start from. It never guesses silently: the card shows what was taken."""

    def __init__(self, client: Atelier) -> None:
        self._client = client

    async def find(
        self, asker: Asker, *, image: discord.Attachment | None = None, named: str | None = None
    ) -> Source:
        """By attachment, else by name (a generation id or a message link), else the latest picture.

        Raises:
            RequestError: there is none, or not one we can take.
            AccessError: it is not the asker's to use.
        """
        if image is not None:
            return await self.take(PictureLink(image.url, image.filename, image.size), None)
        if named:
            return await self._named(asker, named.strip())
        return await self._latest(asker)

    async def choices(self, asker: Asker, message: discord.Message) -> Sequence[Choice]:
        """The pictures on a message: our own from history, others as links; at least one.

        Raises:
            SourceGoneError: it shows none (any more).
            SourceHiddenError: Discord does not show the bot what is in it.
        """
        if message.author.id == self._me:
            generations = await self._client.gallery.on_message(message.id)
            for generation in generations:
                check_use(self._actor(asker), generation, readable=True)
            if generations:
                return generations
        links = pictures_in(message)
        if links:
            return links
        if not self._client.intents.message_content and is_hidden(message, me=self._me):
            raise SourceHiddenError
        raise SourceGoneError("message")

    async def only(self, asker: Asker, message: discord.Message) -> Source:
        """The one picture on a message.

        Raises:
            ManyPicturesError: there are several; and as `choices` and `take`.
        """
        choices = await self.choices(asker, message)
        if len(choices) > 1:
            raise ManyPicturesError(len(choices))
        return await self.take(choices[0], message.jump_url)

    async def take(self, choice: Choice, jump_url: str | None) -> Source:
        """Take the bytes in, now: links expire and messages get deleted.

        Raises:
            BadImageError: it is not a picture we take.
            SourceGoneError: it is no longer there.
            SourceAccessError: it is not on Discord's own CDN.
        """
        if isinstance(choice, Generation):
            return self._client.gallery.source_of(choice, jump_url=jump_url or jump_url_of(choice))
        data = await self._fetch(choice)
        return await self._client.gallery.take_in(data, jump_url=jump_url)

    @property
    def _me(self) -> int:
        assert self._client.user is not None  # noqa: S101 - commands come after login
        return self._client.user.id

    @staticmethod
    def _actor(asker: Asker) -> Actor:
        return Actor(asker.user.id)

    async def _named(self, asker: Asker, name: str) -> Source:
        link = LINK.fullmatch(name)
        if link:
            return await self._linked(asker, link)
        generation = await self._client.gallery.get(parse_generation_id(name))
        readable = await self._readable(asker, generation.origin.guild_id, generation.origin.channel_id)
        check_use(self._actor(asker), generation, readable=readable)
        if generation.origin.private and not asker.private:
            raise PrivateSourceError
        return self._client.gallery.source_of(generation, jump_url=jump_url_of(generation))

    async def _linked(self, asker: Asker, link: re.Match[str]) -> Source:
        guild_id = None if link["guild"] == "@me" else int(link["guild"])
        if not await self._readable(asker, guild_id, int(link["channel"])):
            raise SourceAccessError
        channel = self._client.get_partial_messageable(int(link["channel"]), guild_id=guild_id)
        try:
            message = await channel.fetch_message(int(link["message"]))
        except discord.NotFound as error:
            raise SourceGoneError("message") from error
        except discord.Forbidden as error:
            raise BotPermissionError(("Read Message History",), int(link["channel"])) from error
        return await self.only(asker, message)

    async def _latest(self, asker: Asker) -> Source:
        channel_id = asker.channel.id if asker.channel else None
        own = await self._client.gallery.latest(asker.user.id, channel_id)
        if own:
            return self._client.gallery.source_of(own, jump_url=jump_url_of(own))
        if not asker.reads_here:
            raise NoSourceError
        try:
            recent = [message async for message in asker.channel.history(limit=LOOK_BACK)]
        except discord.Forbidden as error:
            if self._client.get_guild(asker.guild_id or 0) is None:
                raise NoSourceError from error  # a user install: the bot itself is not there
            raise BotPermissionError(("Read Message History",), channel_id) from error
        except AttributeError as error:  # no channel, or one without messages
            raise NoSourceError from error
        for message in recent:
            try:
                choices = await self.choices(asker, message)
            except (SourceGoneError, SourceHiddenError):
                continue
            return await self.take(choices[0], message.jump_url)
        raise NoSourceError

    async def _readable(self, asker: Asker, guild_id: int | None, channel_id: int | None) -> bool:
        """Whether the asker can read the history of a channel."""
        if channel_id is None:
            return False
        if asker.channel is not None and channel_id == asker.channel.id:
            return asker.reads_here
        guild = self._client.get_guild(guild_id) if guild_id else None
        if guild is None:
            return False  # somebody's direct messages, or a server that the bot is not in
        try:
            channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
            same_guild = isinstance(asker.user, discord.Member) and asker.user.guild.id == guild.id
            member = asker.user if same_guild else await guild.fetch_member(asker.user.id)
            assert isinstance(member, discord.Member)  # noqa: S101 - narrowed for the type checker
            allowed = channel.permissions_for(member)
            if not (allowed.view_channel and allowed.read_message_history):
                return False
            if isinstance(channel, discord.Thread) and channel.is_private() and not allowed.manage_threads:
                await channel.fetch_member(member.id)
        except (discord.NotFound, discord.Forbidden, discord.InvalidData):
            return False
        return True

    async def _fetch(self, link: PictureLink) -> bytes:
        limit = self._client.settings.max_source_mib * MIB
        if link.size is not None and link.size > limit:
            raise BadImageError("too_many_bytes", link.size, limit)
        if urlsplit(link.url).hostname not in self._client.cdn_hosts:
            raise SourceAccessError  # a bot that fetches any address is an open proxy
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await self._client.http.get_from_cdn(link.url)
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            raise SourceGoneError("picture") from error


def jump_url_of(generation: Generation) -> str | None:
    """The link to the message that shows a picture; None when it was private or not on Discord."""
    origin = generation.origin
    if origin.private or origin.message_id is None or origin.channel_id is None:
        return None
    return f"https://discord.com/channels/{origin.guild_id or '@me'}/{origin.channel_id}/{origin.message_id}"
