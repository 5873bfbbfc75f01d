"""The Discord client: connects, loads the cogs, keeps the commands in sync, and closes cleanly."""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Coroutine
from typing import Any, Final

import discord
from discord.ext import commands

from bot.core.errors import StorageError
from bot.core.gallery import Gallery
from bot.core.ports import Acknowledged, AcknowledgedStore, Preferences
from bot.core.service import GenerationService
from bot.settings import Settings
from bot.tree import AtelierTree

log = logging.getLogger(__name__)

EXTENSIONS: Final = (
    "cogs.imagine",
    "cogs.remix",
    "cogs.ladder",
    "cogs.gallery",
    "cogs.mentions",
    "cogs.cards",
    "cogs.queue",
    "cogs.rules",
)
CDN_HOSTS: Final = frozenset(
    {
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
    }
)
COMMANDS_HASH: Final = "commands_hash"
WRITING_PATIENCE: Final = 1.5
"""Seconds of Discord's three for a first answer that writing a promise down may take."""


class Atelier(commands.AutoShardedBot):
    """The bot. Cogs reach everything through `generation` and `gallery`."""

    def __init__(
        self,
        *,
        settings: Settings,
        generation: GenerationService,
        gallery: Gallery,
        preferences: Preferences,
        acknowledged: AcknowledgedStore,
        cdn_hosts: frozenset[str] = CDN_HOSTS,
        always_sync: bool = False,
        takes_up: bool = True,
    ) -> None:
        """
        Args:
            cdn_hosts: the only hosts that pictures are fetched from.
            always_sync: send the commands to Discord, changed or not.
            takes_up: go on with what the last process owes people; not for one beside a running bot.
        """
        intents = discord.Intents(guilds=True, messages=True)
        intents.message_content = settings.message_content
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            # No mention in a prompt ever pings.
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            tree_cls=lambda client: AtelierTree(client, channels=settings.channels),  # type: ignore[arg-type] # a factory does
        )
        self.settings = settings
        self.generation = generation
        self.gallery = gallery
        self.cdn_hosts = cdn_hosts
        self.drain_requested = asyncio.Event()
        """Set when the bot's owner has told it to finish and stop."""
        self.acknowledged = acknowledged
        self._preferences = preferences
        self.always_sync = always_sync
        self.takes_up = takes_up
        self._tasks: set[asyncio.Task[None]] = set()
        self._promising: dict[str, asyncio.Task[None]] = {}
        """Promises that are being written down."""

    async def setup_hook(self) -> None:
        """Load every cog, then tell Discord about the commands if they changed."""
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self.sync_commands(force=self.always_sync)

    async def on_message(self, message: discord.Message, /) -> None:
        """Prefix commands are not used; `cogs/mentions.py` listens for mentions itself."""

    async def sync_commands(self, *, force: bool = False) -> bool:
        """Send the commands to Discord when their payload has changed; whether it was sent."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        text = json.dumps([self.application_id, payload], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if not force and await self._preferences.get(COMMANDS_HASH) == digest:
            return False
        await self.tree.sync()
        await self._preferences.set(COMMANDS_HASH, digest)
        log.info("commands synced")
        return True

    async def promise(self, token: str, *, private: bool) -> None:
        """Write down that an interaction is about to be acknowledged: if this process ends before the
        answer, the next one says so. A database that takes too long does not hold up Discord's first answer.
        """
        promise = Acknowledged(token, private, time.time())
        writing = self.spawn(self._write(self.acknowledged.add(promise)), f"promise-{token[:8]}")
        self._promising[token] = writing
        writing.add_done_callback(lambda _: self._promising.pop(token))
        await asyncio.wait({writing}, timeout=WRITING_PATIENCE)

    def keep_promise(self, token: str, *, taken: bool = False) -> None:
        """An acknowledged interaction has been answered.

        Args:
            taken: it became a job, and with that the promise is gone, if it was written down by then.
        """
        writing = self._promising.get(token)
        if writing or not taken:
            self.spawn(self._forget(token, writing), f"answered-{token[:8]}")

    async def _forget(self, token: str, writing: asyncio.Task[None] | None) -> None:
        if writing:
            await asyncio.wait({writing})
        await self._write(self.acknowledged.remove(token))

    async def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        try:
            await writing
        except StorageError as error:  # what was asked for meets the same fault, and tells it
            log.warning("a promise could not be written down: %r", error)

    @property
    def cards(self) -> int:
        """How many live cards are kept up to date."""
        return sum(task.get_name().startswith("card-") for task in self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something beside the interaction that began it, until it ends or the bot closes."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish_cards(self, patience: float) -> None:
        """Give what follows a job some seconds to show how it ended."""
        if following := [task for task in self._tasks if task.get_name().startswith("card-")]:
            await asyncio.wait(following, timeout=patience)

    async def close(self) -> None:
        """Leave Discord, then stop whatever still follows a job."""
        await super().close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
