"""The bot on Discord, from start to a clean stop."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Iterator
from typing import Final

import aiohttp
import discord

from bot.client import Atelier
from bot.core.errors import DeviceLostError, DiscordUnreachableError, EngineError, SettingsError
from bot.core.messages import explain
from bot.settings import TOKEN_VARIABLE, Settings
from bot.wiring import Services, open_services

log = logging.getLogger(__name__)

WHERE_TO_GET_ONE: Final = (
    "is not set; make an application at https://discord.com/developers/applications, take the token from its "
    "Bot page and put it into .env (`atelier demo` needs none)"
)
LAST_WORDS: Final = 3.0
"""Seconds for the cards to say that the device is lost, before the process ends."""
STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


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
        DiscordUnreachableError: no connection, or Discord is down.
        StorageError: the database cannot be used.
        DeviceLostError: the device failed for good; a new process may find it well.
    """
    token = token_of(settings)
    with _until_signalled():
        async with open_services(settings, alone=True) as services:
            await warm_up(services)
            async with new_client(settings, services) as client:
                with _translated():
                    await _start(client, token, services)


async def _start(client: Atelier, token: str, services: Services) -> None:
    """Serve Discord until the client ends, or the engine's device is lost.

    Raises:
        DeviceLostError: so that whoever started the process starts it anew.
    """
    lost = asyncio.create_task(services.generation.device_lost.wait(), name="device-lost")
    serving = asyncio.create_task(client.start(token), name="discord")
    try:
        await asyncio.wait({lost, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            await asyncio.sleep(LAST_WORDS)
            raise DeviceLostError("see the log")
        await serving
    finally:
        for task in (lost, serving):
            task.cancel()
        await asyncio.gather(lost, serving, return_exceptions=True)


async def warm_up(services: Services) -> None:
    """Load the default model; a failure is logged, since other models may work.

    Raises:
        DeviceLostError: none will, in this process.
    """
    try:
        await services.generation.warm_up()
    except DeviceLostError:
        raise
    except EngineError as error:
        log.warning("%s", explain(error), exc_info=error.__cause__)
    # Torch and diffusers leave about a million objects, which live as long as the process. Looking
    # through them would stop every thread, and so the event loop, for a quarter of a second now and
    # then: the collector is told to pass them over.
    gc.freeze()


async def sync_commands(settings: Settings) -> None:
    """Send the commands to Discord, changed or not.

    Raises:
        SettingsError: no token, or one that Discord refuses.
        DiscordUnreachableError: no connection, or Discord is down.
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
    except (aiohttp.ClientConnectionError, discord.DiscordServerError, discord.GatewayNotFound) as error:
        raise DiscordUnreachableError from error


@contextlib.contextmanager
def _until_signalled() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: without this, it would skip every `async with`.

    The task is cancelled rather than the client closed beside it: a client that has not reached the
    gateway yet goes on trying when it is closed. A second signal acts at once.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - narrowed for the type checker
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()
        for number in STOPPING:
            loop.remove_signal_handler(number)

    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
        for number in STOPPING:
            loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped:
            raise
        task.uncancel()
