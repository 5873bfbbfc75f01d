"""Replies and mentions: `@Atelier remix strength:0.6 as a neon house`, in a reply or by itself."""

import logging
import re

import discord
from discord.ext import commands

from bot.client import Atelier
from bot.core.errors import ChannelNotServedError, DeliveryError, ManyPicturesError, SourceGoneError
from bot.core.jobs import Origin
from bot.core.policy import check_channel
from bot.core.requests import UNKNOWN_SOURCE, Kind, Source
from bot.tree import sentence_for
from cogs.ui.delivery import translated
from cogs.ui.permissions import check_can_post
from cogs.ui.pictures import pictures_in
from cogs.ui.progress import reply, roles_of
from cogs.ui.sources import Asker, Sources
from cogs.ui.typed import Typed, parse_typed

log = logging.getLogger(__name__)

DRAIN = "drain"
DRAINING = "I take nothing new, finish what runs, and stop. What waits goes on at the next start."


class Mentions(commands.Cog):
    """Commands typed in a message that mentions the bot, or in a reply to one of its messages.

    Without the message-content intent, Discord shows the text of messages that mention the bot only.
    A reply to a message of the bot's own does so by itself, but not a reply to the answer of a command.
    """

    def __init__(self, bot: Atelier) -> None:
        self._bot = bot
        self._sources = Sources(bot)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a typed command; leave all other talk alone."""
        me = self._bot.user
        if me is None or message.author.bot:
            return
        text, mentioned = re.subn(rf"<@!?{me.id}>", " ", message.content)
        if not mentioned and not (text.lstrip().startswith("/") and self._replies_to(message, me.id)):
            return  # people talk: without a mention, only what is typed as a command is one
        if mentioned and text.strip().casefold() == DRAIN and await self._bot.is_owner(message.author):
            await self._drain(message)
            return
        typed = parse_typed(text)
        if typed is None or not self._is_served(message):
            return
        try:
            await self._answer(message, typed)
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await self._reply_error(message, error)

    async def _drain(self, message: discord.Message) -> None:
        """Its owner tells the bot to stop, in whatever channel."""
        try:
            with translated():
                await message.reply(DRAINING, mention_author=False)
        except DeliveryError:
            log.warning("the owner's drain was not answered", exc_info=True)
        finally:
            self._bot.drain_requested.set()

    async def _answer(self, message: discord.Message, typed: Typed) -> None:
        bot = self._bot
        if message.guild:
            check_can_post(message.channel, message.guild.me)
        needs_source = typed.kind is not Kind.IMAGINE
        checked = typed.request(UNKNOWN_SOURCE if needs_source else None)
        bot.generation.check(checked, message.author.id, message.guild.id if message.guild else None)
        request = typed.request(await self._source(message, typed)) if needs_source else checked
        origin = Origin(
            user_id=message.author.id,
            user_name=message.author.name,
            guild_id=message.guild.id if message.guild else None,
            channel_id=message.channel.id,
        )
        await reply(bot, message, request, origin, roles_of(message.author))

    async def _source(self, message: discord.Message, typed: Typed) -> Source:
        """Attached to this message, named, in the message replied to, or the latest."""
        author, channel = message.author, message.channel
        reads_here = True
        if isinstance(author, discord.Member):
            reads_here = channel.permissions_for(author).read_message_history
        asker = Asker(author, message.guild.id if message.guild else None, channel, reads_here)
        attached = pictures_in(message)
        if len(attached) > 1:
            raise ManyPicturesError(len(attached))
        if attached:
            return await self._sources.take(attached[0], message.jump_url)
        if typed.source is None and message.reference and message.reference.message_id:
            return await self._sources.only(asker, await self._replied_to(message, message.reference))
        return await self._sources.find(asker, named=typed.source)

    async def _replied_to(
        self, message: discord.Message, reference: discord.MessageReference
    ) -> discord.Message:
        if isinstance(reference.resolved, discord.Message):
            return reference.resolved
        if isinstance(reference.resolved, discord.DeletedReferencedMessage):
            raise SourceGoneError("message")
        try:
            return await message.channel.fetch_message(reference.message_id or 0)
        except (discord.NotFound, discord.Forbidden) as error:
            raise SourceGoneError("message") from error

    def _is_served(self, message: discord.Message) -> bool:
        """Elsewhere a command is told where to go, privately; a message could only be told in public."""
        channel = message.channel
        try:
            check_channel((channel.id, getattr(channel, "parent_id", None)), self._bot.settings.channels)
        except ChannelNotServedError:
            return message.guild is None
        return True

    @staticmethod
    def _replies_to(message: discord.Message, user_id: int) -> bool:
        resolved = message.reference.resolved if message.reference else None
        return isinstance(resolved, discord.Message) and resolved.author.id == user_id

    async def _reply_error(self, message: discord.Message, error: Exception) -> None:
        """A message has no private answer: reply, without a ping."""
        try:
            with translated():
                await message.reply(sentence_for(error), mention_author=False)
        except DeliveryError:
            log.warning("could not answer %r", error, exc_info=True)


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Mentions(bot))
