"""What a Discord test plays in: people, a channel, the bot, and a few ways to look at a card."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import Any

import simcord
from PIL import Image
from simcord.components import walk_components
from simcord.results import InteractionResult, ResponseMessage

from bot.client import CDN_HOSTS, Atelier
from bot.core.errors import AtelierError
from bot.core.feed import Feed
from bot.demo import SIMULATED_CDN, PatientFeed
from bot.settings import Settings
from bot.wiring import DATABASE, Services, open_services
from tests.fakes import FakeEngine

TEXT, BUTTON, SELECT, GALLERY, THUMBNAIL = 10, 2, 3, 12, 11
"""Discord's component types."""


class World:
    """`ada` and `grace` share a server and the channel `studio`; `ada` is nobody special."""

    env: simcord.Env
    services: Services
    bot: Atelier

    def __init__(self, settings: Settings, engine: FakeEngine, *, live: bool) -> None:
        self.settings = settings
        self.engine = engine
        self._live = live
        self._stack = AsyncExitStack()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await self._open_services()
            stack.push_async_callback(self._close_services)
            self.bot = self._new_bot()
            # Not `simcord.run`: it sets context variables, and a fixture ends in another context.
            self.env = simcord.Env(self.bot, shard_count=1, settle_timeout=30.0)
            await self.env.start()
            stack.push_async_callback(self.env.shutdown)
            self.guild = self.env.create_guild("Studio")
            self.channel = self.guild.create_text_channel("studio")
            self.ada = self.guild.add_member(self.env.create_user("ada"))
            self.grace = self.guild.add_member(self.env.create_user("grace"))
            yield
            # SimCord counts what `tree.on_error` answered as well; only what nobody foresaw is a fault.
            assert [e for e in self.env.errors if not _foreseen(e)] == []

    async def restart(self) -> None:
        """Stop the process and start it again: same database, new bot."""
        await self.bot.close()
        await self._close_services()
        self.engine = FakeEngine()
        await self._open_services()
        self.bot = self._new_bot()
        await self.env.restart_bot(self.bot)

    async def _open_services(self) -> None:
        def new_feed() -> Feed:
            return PatientFeed(lambda: self.env) if self._live else Feed()

        self.services = await self._stack.enter_async_context(
            open_services(self.settings, alone=True, new_feed=new_feed, new_engine=lambda *_: self.engine)
        )

    async def _close_services(self) -> None:
        await self._stack.aclose()

    def _new_bot(self) -> Atelier:
        return Atelier(
            settings=self.settings,
            generation=self.services.generation,
            gallery=self.services.gallery,
            preferences=self.services.preferences,
            acknowledged=self.services.acknowledged,
            cdn_hosts=CDN_HOSTS | {SIMULATED_CDN},
            always_sync=True,
        )

    def query(self, sql: str, *parameters: object) -> list[Any]:
        """The first column of what the database says, read beside the bot."""
        with closing(sqlite3.connect(self.settings.data_dir / DATABASE)) as connection:
            return [row[0] for row in connection.execute(sql, parameters)]


async def until(condition: Callable[[], bool]) -> None:
    """Let the bot go on until `condition` holds."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def card(result: InteractionResult) -> ResponseMessage:
    """The message that answers an interaction."""
    assert result.response is not None, "nothing was answered"
    return result.response


def png(colour: str = "red", size: tuple[int, int] = (64, 64)) -> bytes:
    """A plain picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def components(message: Any) -> Iterator[dict[str, Any]]:
    """Every component of a message, however deep."""
    yield from walk_components(message.components)


def text_of(message: Any) -> str:
    """All the words on a card, or of a plain message."""
    texts = [c["content"] for c in components(message) if c.get("type") == TEXT]
    return "\n".join([message.content, *texts] if message.content else texts)


def buttons_of(message: Any) -> list[str]:
    """The labels of a card's buttons."""
    return [c["label"] for c in components(message) if c.get("type") == BUTTON]


def pictures_of(message: Any) -> list[dict[str, Any]]:
    """The items of a card's gallery."""
    return [item for c in components(message) if c.get("type") == GALLERY for item in c["items"]]


def sentence(result: InteractionResult) -> str:
    """The private sentence that an error came as."""
    answers: list[ResponseMessage] = [*([result.response] if result.response else []), *result.followups]
    assert answers, "nothing was answered"
    assert answers[-1].ephemeral, "an error must be private"
    return answers[-1].content


def _controls(form: InteractionResult) -> Iterator[dict[str, Any]]:
    assert form.modal, "no form was opened"
    yield from (label["component"] for label in form.modal["components"])


def prompt_of(form: InteractionResult) -> str | None:
    """What the form's prompt field holds when it opens."""
    return next(c.get("value") for c in _controls(form) if c["custom_id"] == "prompt")


def menu_values(form: InteractionResult) -> list[str]:
    """What the form's menu offers; [] where it has none."""
    return [o["value"] for c in _controls(form) if c["type"] == SELECT for o in c["options"]]


def _foreseen(error: BaseException) -> bool:
    return isinstance(error, AtelierError) or isinstance(error.__cause__, AtelierError)


def menu(message: Any) -> dict[str, Any]:
    """The one menu on a card."""
    [found] = [c for c in components(message) if c.get("type") == SELECT]
    return found
