"""`atelier drain`: tell the running bot to finish what it does and to stop."""

import asyncio
import os
import signal
import sys
from typing import Final

import typer

from bot.core.errors import ProcessAccessError
from bot.settings import Settings
from bot.wiring import running_bot

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at whether it is still there."""
MARGIN: Final = 60.0
"""Seconds beyond the grace time: for cards, the database and the device."""


async def drain(settings: Settings) -> bool:
    """Send the bot on this data directory SIGTERM, and wait until it has stopped.

    Returns:
        Whether nothing runs there any more.

    Raises:
        ProcessAccessError: it is another user's.
    """
    pid = running_bot(settings)
    if pid is None:
        typer.echo("No bot is running here.")
        return True
    if sys.platform == "win32":
        typer.echo("Windows knows no gentle signal: press Ctrl-C where the bot runs.", err=True)
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        raise ProcessAccessError(pid) from error
    except ProcessLookupError:  # it has ended by itself just now
        return True
    typer.echo(f"Told the bot (process {pid}) to stop; what runs has {settings.grace_seconds:g} s to end.")
    try:
        async with asyncio.timeout(settings.grace_seconds + MARGIN):
            while running_bot(settings) == pid:  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        typer.echo("It has not stopped yet; its log says why.", err=True)
        return False
    typer.echo("Stopped. What waits goes on at the next start.")
    return True
