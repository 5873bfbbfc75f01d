"""The bot on Discord, from start to a clean stop."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import discord

from bot.client import Atelier
from bot.core.errors import DiscordUnreachableError, EngineError, SettingsError
from bot.core.messages import explain
from bot.settings import TOKEN_VARIABLE, Settings
from bot.wiring import Services, open_services

log = logging.getLogger(__name__)

WHERE_TO_GET_ONE: Final = (
    "is not set; make an application at https://discord.com/developers/applications, take the token from its "
    "Bot page and put it into .env (`atelier demo` needs none)"
)


def token_of(settings: Settings) -> str:
    """The bot's token.

    Raises:
        SettingsError: there is none; says where to get one.
    """
    token = settings.token.get_secret_value().strip() if settings.token else ""
    if not token:
        raise SettingsError(TOKEN_VARIABLE, WHERE_TO_GET_ONE)
    return token


def new_client(settings: Settings, services: Services) -> Atelier:
    """The bot over these services."""
    return Atelier(
        settings=settings,
        generation=services.generation,
        gallery=services.gallery,
        preferences=services.preferences,
    )


async def serve(settings: Settings) -> None:
    """Run until Ctrl-C or SIGTERM.

    The model is loaded before the gateway connects: importing and loading would hold up the event
    loop, and with it the heartbeats.

    Raises:
        SettingsError: no token, or one that Discord refuses, or an intent that is not granted.
        StorageError: the database cannot be used.
    """
    token = token_of(settings)
    async with open_services(settings, alone=True) as services:
        await warm_up(services)
        async with new_client(settings, services) as client, _stopped_by_signals(client):
            with _translated():
                await client.start(token)


async def warm_up(services: Services) -> None:
    """Load the default model; a failure is logged, since other models may work."""
    try:
        await services.generation.warm_up()
    except EngineError as error:
        log.warning("%s", explain(error), exc_info=error.__cause__)
    # Torch and diffusers leave about a million objects, which live as long as the process. Looking
    # through them would stop every thread, and so the event loop, for a quarter of a second now and
    # then: the collector is told to pass them over.
    gc.collect()
    gc.freeze()


async def sync_commands(settings: Settings) -> None:
    """Send the commands to Discord, changed or not.

    Raises:
        SettingsError: no token, or one that Discord refuses.
    """
    token = token_of(settings)
    async with open_services(settings, alone=False) as services, new_client(settings, services) as client:
        client.always_sync = True
        with _translated():
            await client.login(token)  # runs setup_hook, which syncs


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """What may go wrong on the way into Discord, as our own errors."""
    try:
        yield
    except discord.LoginFailure as error:
        raise SettingsError(
            TOKEN_VARIABLE, "is not known to Discord; reset it on the Bot page of your application"
        ) from error
    except discord.PrivilegedIntentsRequired as error:
        raise SettingsError(
            "ATELIER_MESSAGE_CONTENT",
            "is true, but the message-content intent is off on the Bot page of your application",
        ) from error
    except aiohttp.ClientConnectionError as error:
        raise DiscordUnreachableError from error


@asynccontextmanager
async def _stopped_by_signals(client: Atelier) -> AsyncIterator[None]:
    """SIGTERM closes the bot as Ctrl-C does: without this, it would skip every `async with`."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: client.spawn(client.close(), "close"))
    yield
