"""The unmodified bot, connected to the loopback Discord, and a few ways to look at its cards."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.client import Atelier
from bot.core.jobs import Generation, Picture, Render
from bot.core.ports import OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.running import new_client
from bot.settings import Settings
from bot.wiring import Services, open_services
from tests.fakes import FakeEngine
from tests.loopback.interactions import Pressed
from tests.loopback.server import PATIENCE_SECONDS, TOKEN, LoopbackDiscord
from tests.loopback.shapes import USER_ID, Json, walk

TEXT, GALLERY = 10, 12
"""Discord's component types."""
ANSWERING: Final = ("CommandTree-invoker", "discord-ui-", "discord.py: on_message")
"""How the names of the tasks begin in which the bot answers somebody."""
FOLLOWING: Final = ("job-", "card-")
"""And of those in which a picture is made, and its card kept up to date."""


class NoisyEngine(FakeEngine):
    """Its pictures do not compress, so that a smaller file must be a poorer picture."""

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        render = await super().generate(recipe, source, on_step, on_preview)
        width, height = render.picture.width, render.picture.height
        noise = hashlib.shake_256(render.picture.rgb).digest(width * height * 3)
        return replace(render, picture=Picture(width, height, noise))


@dataclass(frozen=True, slots=True)
class Stage:
    """A running bot and its Discord."""

    discord: LoopbackDiscord
    bot: Atelier
    services: Services
    engine: FakeEngine

    async def imagine(self, prompt: str = "a red apple", **options: Any) -> Pressed:
        """`/imagine`, until the bot has nothing more to do about it."""
        pressed = await self.discord.send_slash("imagine", prompt=prompt, **options)
        await settled()
        return pressed

    def card(self, pressed: Pressed) -> Json:
        """The answer to an interaction, as it is read back now."""
        assert pressed.original is not None, "nothing was answered"
        return self.discord.messages.get(pressed.original)

    def private_sentences(self, pressed: Pressed) -> list[str]:
        """What was said beside the answer, to the one who acted alone."""
        return [self.discord.messages.get(message_id)["content"] for message_id in pressed.followups]

    async def history(self) -> Sequence[Generation]:
        """The pictures that the person who acts has in `/history`."""
        return (await self.services.gallery.page(USER_ID)).generations


async def settled(names: tuple[str, ...] = ANSWERING + FOLLOWING) -> None:
    """Wait until every answer is given and every card has its end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while busy := [task for task in asyncio.all_tasks() if task.get_name().startswith(names)]:
            await asyncio.wait(busy)


@asynccontextmanager
async def connected(discord: LoopbackDiscord, settings: Settings, engine: FakeEngine) -> AsyncIterator[Stage]:
    """The bot from login to close, as `bot.running.serve` has it."""
    async with open_services(settings, alone=True, new_engine=lambda *_: engine) as services:
        async with new_client(settings, services) as bot:
            running = asyncio.create_task(bot.start(TOKEN))
            ready = asyncio.create_task(discord.gateway.ready.wait())
            await asyncio.wait(
                {running, ready}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            assert ready.done(), running
            yield Stage(discord, bot, services, engine)
        await running


def text_of(message: Json) -> str:
    """All the words on a card, or of a plain message."""
    texts = [part["content"] for part in walk(message["components"]) if part.get("type") == TEXT]
    return "\n".join([message["content"], *texts] if message["content"] else texts)


def pictures_of(message: Json) -> list[str]:
    """The addresses of the pictures in a card's gallery."""
    galleries = (part for part in walk(message["components"]) if part.get("type") == GALLERY)
    return [item["media"]["url"] for gallery in galleries for item in gallery["items"]]
