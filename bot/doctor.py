"""`atelier doctor`: what stands between this machine and a running bot, and what to do about it."""

import base64
import binascii
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import aiohttp
import discord
import typer

from bot.core.errors import AtelierError
from bot.core.messages import explain
from bot.core.ports import DeviceReport
from bot.settings import TOKEN_VARIABLE, Settings
from bot.wiring import device_engine, load_catalog, make_data_dir, open_storage

LEAST_FREE_BYTES: Final = 2 * 1024**3
"""Below this a few hundred pictures, or one more model, fill the disk."""
PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    attach_files=True,
    embed_links=True,
)
_TOKEN: Final = re.compile(r"[\w-]{18,}\.[\w-]{6,}\.[\w-]{27,}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `remedy` says what to do when it is not `ok`."""

    ok: bool
    what: str
    remedy: str = ""


async def examine(settings: Settings) -> bool:
    """Print every finding as it comes; whether all is well."""
    well = True
    async for finding in findings(settings):
        well = well and finding.ok
        typer.echo(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.what}")
        if finding.remedy:
            typer.echo(f"       {finding.remedy}")
    return well


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Settings, database, disk, model and device, token, and what Discord says of the application."""
    yield Finding(True, f"settings: data in {settings.data_dir.resolve()}")
    yield await _database(settings)
    yield _disk(settings)
    async for finding in _model(settings):
        yield finding
    async for finding in _discord(settings):
        yield finding


def application_id_of(token: str) -> int | None:
    """The application's id, which a bot token begins with in base64; None when it is no bot token."""
    if not _TOKEN.fullmatch(token):
        return None
    head = token.partition(".")[0]
    try:
        text = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None


async def _database(settings: Settings) -> Finding:
    try:
        async with open_storage(settings, alone=False):
            return Finding(True, "database: opens and is up to date")
    except AtelierError as error:
        return Finding(False, "database", explain(error))


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(make_data_dir(settings)).free
    what = f"disk: {free / 1024**3:.1f} GiB free"
    if free >= LEAST_FREE_BYTES:
        return Finding(True, what)
    return Finding(False, what, "Make room, or set ATELIER_DATA_DIR to a folder on a larger disk.")


async def _model(settings: Settings) -> AsyncIterator[Finding]:
    try:
        catalog = load_catalog(settings)
        engine = device_engine(settings, catalog)
    except AtelierError as error:
        yield Finding(False, "model catalogue and device", explain(error))
        return
    spec = catalog.get()
    try:
        await engine.load(spec.name)
        yield Finding(True, f"device: {describe(await engine.report())}")
        yield Finding(True, f"model: {spec.name} loads")
    except AtelierError as error:
        yield Finding(False, f"model: {spec.name} ({spec.source})", explain(error))
    finally:
        await engine.close()


def describe(report: DeviceReport) -> str:
    """A device in words."""
    of = f" of {report.memory_total / 1024**3:.1f}" if report.memory_total else ""
    memory = f", {report.memory_used / 1024**3:.1f}{of} GiB in use" if report.memory_used else ""
    batches = "".join(f"; {name}: {rows} rows at a time" for name, rows in report.batches.items())
    return f"{report.device}, {report.dtype}{memory}{batches}"


async def _discord(settings: Settings) -> AsyncIterator[Finding]:
    token = settings.token.get_secret_value().strip() if settings.token else ""
    if not token:
        yield Finding(True, f"token: none ({TOKEN_VARIABLE}); only `atelier run` and `atelier sync` need one")
        return
    application_id = application_id_of(token)
    if application_id is None:
        yield Finding(
            False,
            f"token: {TOKEN_VARIABLE} does not look like a bot token",
            "Copy it again from the Bot page of your application; it is not the client secret.",
        )
        return
    yield Finding(True, "token: has the form of a bot token")
    yield Finding(
        True, f"invite the bot with {discord.utils.oauth_url(application_id, permissions=PERMISSIONS)}"
    )
    yield await _intent(settings, token)


async def _intent(settings: Settings, token: str) -> Finding:
    try:
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(token)
            flags = (await client.application_info()).flags
    except discord.LoginFailure:
        return Finding(
            False, "token: Discord does not know it", "Reset it on the Bot page of your application."
        )
    except (aiohttp.ClientError, discord.HTTPException, TimeoutError, OSError):
        return Finding(False, "Discord: cannot be reached", "Check the connection and try again.")
    granted = flags.gateway_message_content or flags.gateway_message_content_limited
    if settings.message_content and not granted:
        return Finding(
            False,
            "intents: ATELIER_MESSAGE_CONTENT is true, but the message-content intent is off",
            "Switch it on on the Bot page of your application, or set ATELIER_MESSAGE_CONTENT=false.",
        )
    state = "on" if settings.message_content else "off (replies to other people's pictures: Apps > Remix)"
    return Finding(True, f"intents: message content is {state}")
