"""The unmodified bot in a simulated Discord, with a page on loopback to play on."""

import asyncio
import webbrowser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import simcord
import typer

from bot.client import CDN_HOSTS, Atelier
from bot.core.feed import Feed
from bot.running import warm_up
from bot.settings import Settings
from bot.wiring import Services, open_services

SIMULATED_CDN: Final = "cdn.simcord.invalid"
SETTLE_SECONDS: Final = 600.0
REFRESH_SECONDS: Final = 0.5
GUILD: Final = "Atelier demo"
CHANNEL: Final = "atelier"
MEMBERS: Final = ("ada", "grace")
GUIDE: Final = "guide"
WELCOME: Final = """\
Welcome! This is Atelier in a simulated Discord: the real bot, only the server is make-believe.
- Type `/imagine`, then press **Remix**, **Ladder** or **Again** on the picture that comes.
- `/remix` with `image:` starts from a picture of yours.
- Reply to a picture with `{me} remix strength:0.6 as a neon house`.
- You are two people: choose who under "Viewing as"."""


class PatientFeed(Feed):
    """Tells the simulator that waiting for a picture is no hang, so that the page stays alive meanwhile."""

    def __init__(self, env: Callable[[], simcord.Env]) -> None:
        super().__init__()
        self._env = env

    async def wait(self, changed: asyncio.Event) -> None:
        await self._env().external_wait(changed.wait(), reason="a picture is on its way")


async def serve(settings: Settings, *, port: int, open_browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        StorageError: the database cannot be used.
    """
    # The simulated Discord counts its ids from the same start each time: a folder of its own keeps
    # them apart from a real server's.
    settings = settings.model_copy(update={"data_dir": settings.data_dir / "demo", "channels": ()})
    env: simcord.Env | None = None

    def current_env() -> simcord.Env:
        assert env is not None  # noqa: S101 - jobs come from the simulated Discord only
        return env

    # The simulated Discord of the last time is gone, and with it whoever waited for anything.
    async with open_services(
        settings, alone=True, recover=False, new_feed=lambda: PatientFeed(current_env)
    ) as services:
        await warm_up(services)
        env = simcord.Env(
            demo_client(settings, services), shard_count=1, settle_timeout=SETTLE_SECONDS, check_errors=False
        )
        env.backend.bot_user.name = "Atelier"
        await env.start()
        try:
            await _serve_page(env, port, open_browser=open_browser)
        finally:
            await env.shutdown()


def demo_client(settings: Settings, services: Services) -> Atelier:
    """The bot, told of the simulated CDN; a fresh simulation knows no commands, so they are synced."""
    return Atelier(
        settings=settings,
        generation=services.generation,
        gallery=services.gallery,
        preferences=services.preferences,
        acknowledged=services.acknowledged,
        cdn_hosts=CDN_HOSTS | {SIMULATED_CDN},
        always_sync=True,
        takes_up=False,
    )


async def _serve_page(env: simcord.Env, port: int, *, open_browser: bool) -> None:
    guild = env.create_guild(GUILD)
    channel = guild.create_text_channel(CHANNEL, topic="/imagine makes a picture, Remix makes the next")
    members = [guild.add_member(env.create_user(name)) for name in MEMBERS]
    # The simulation begins on a fixed day; people expect today.
    await env.advance_time(_seconds_behind(env))
    guide = guild.add_member(env.create_user(GUIDE))
    await guide.send(channel, WELCOME.format(me=f"<@{env.backend.bot_user.id}>"))
    async with env.preview(channel, viewers=members, layout="channel", port=port or None) as preview:
        typer.echo(f"Atelier is open at {preview.url}")
        typer.echo("Type /imagine there. Ctrl-C ends it.")
        if open_browser:
            await asyncio.to_thread(webbrowser.open, preview.url)
        turns = asyncio.Lock()
        _take_turns(preview, turns)
        refreshing = asyncio.create_task(_keep_fresh(env, preview, turns))
        try:
            await preview.wait_closed()
        finally:
            refreshing.cancel()


def _take_turns(preview: Any, turns: asyncio.Lock) -> None:
    """Let what people do on the page and what we publish there wait for each other.

    The simulator refuses an action that overlaps another operation, or that comes from a page which has
    not yet read the latest publication (it asks twice a second): a click while a picture is being made
    would be lost. The button itself is looked up anew in any case, so the page's age does no harm.
    """
    act = preview._action  # noqa: SLF001 - the one place where every action comes in

    async def act_in_turn(context_id: str | None, body: Any) -> Any:
        async with turns:
            if isinstance(body, Mapping) and "published_revision" in body:
                body = {**body, "published_revision": preview._get_page(context_id).revision}  # noqa: SLF001 - its age
            return await act(context_id, body)

    preview._action = act_in_turn  # noqa: SLF001 - as above


async def _keep_fresh(env: simcord.Env, preview: Any, turns: asyncio.Lock) -> None:
    """Show on the page what the bot did by itself: progress and finished pictures."""
    shown = 0
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        # Counted, not subscribed to: the simulation announces no edit of a private answer.
        requests = len(env.http_requests)
        if requests == shown:
            continue
        async with turns:
            await env.advance_time(_seconds_behind(env))
            await preview.refresh()
        shown = requests


def _seconds_behind(env: simcord.Env) -> float:
    """How far the simulation's clock is behind the real one: it stands still by itself."""
    return max(0.0, (datetime.now(UTC) - env.now()).total_seconds())
