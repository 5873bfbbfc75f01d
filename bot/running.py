"""The bot on Discord, from start to a clean stop."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Iterator
from typing import Any, Final

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
LAST_WORDS: Final = 5.0
"""Seconds for the cards to show how the jobs ended, or that they go on later, before the process ends."""
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


def new_client(settings: Settings, services: Services, *, takes_up: bool = True) -> Atelier:
    """The bot over these services."""
    return Atelier(
        settings=settings,
        generation=services.generation,
        gallery=services.gallery,
        preferences=services.preferences,
        acknowledged=services.acknowledged,
        takes_up=takes_up,
    )


async def serve(settings: Settings) -> None:
    """Run until Ctrl-C, SIGTERM, or the owner's word; then finish what runs, and keep the rest.

    The model is loaded before the gateway connects: importing and loading would hold up the event
    loop, and with it the heartbeats.

    Raises:
        SettingsError: no token, or one that Discord refuses, or an intent that is not granted.
        DiscordUnreachableError: no connection, or Discord is down.
        StorageError: the database cannot be used.
        DeviceLostError: the device failed for good; a new process may find it well.
    """
    token = token_of(settings)
    with _until_signalled() as stop:
        async with open_services(settings, alone=True) as services:
            await warm_up(services)
            async with new_client(settings, services) as client:
                with _translated():
                    await _start(client, token, services, stop)


async def _start(client: Atelier, token: str, services: Services, stop: "_Stop") -> None:
    """Serve Discord until the client ends, somebody wants it to stop, or the engine's device is lost.

    Raises:
        DeviceLostError: so that whoever started the process starts it anew.
    """
    generation = services.generation
    serving = asyncio.create_task(client.start(token), name="discord")
    lost = asyncio.create_task(generation.device_lost.wait(), name="device-lost")
    stopping = [
        asyncio.create_task(stop.gently.wait(), name="signalled"),
        asyncio.create_task(client.drain_requested.wait(), name="drain-requested"),
    ]
    tasks: list[asyncio.Task[Any]] = [serving, lost, *stopping]
    try:
        with stop.gentle():
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
                return
            if not lost.done():
                log.info("stopping: what runs has %g s to end", client.settings.grace_seconds)
                await generation.drain(client.settings.grace_seconds)
            await client.finish_cards(LAST_WORDS)
        if lost.done():
            raise DeviceLostError("see the log")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
    async with (
        open_services(settings, alone=False) as services,
        new_client(settings, services, takes_up=False) as client,
    ):
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


class _Stop:
    """How a signal ends the process: at once, but for while there is something to finish."""

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.gently = asyncio.Event()
        """Set by the first signal while `gentle` is open."""
        self.at_once = False
        """Whether the task was cancelled by a signal."""
        self._task = task
        self._is_gentle = False

    @contextlib.contextmanager
    def gentle(self) -> Iterator[None]:
        """Within, the first signal only sets `gently`."""
        self._is_gentle = True
        try:
            yield
        finally:
            self._is_gentle = False

    def signal(self) -> None:
        if self._is_gentle and not self.gently.is_set():
            self.gently.set()
        else:
            self.at_once = True
            self._task.cancel()


@contextlib.contextmanager
def _until_signalled() -> Iterator[_Stop]:
    """SIGTERM ends the block as Ctrl-C does: without this, it would skip every `async with`.

    The task is cancelled rather than the client closed beside it: a client that has not reached the
    gateway yet goes on trying when it is closed.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - narrowed for the type checker
    stop = _Stop(task)
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
        for number in STOPPING:
            loop.add_signal_handler(number, stop.signal)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.at_once:
            raise
        task.uncancel()
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in STOPPING:
                loop.remove_signal_handler(number)
