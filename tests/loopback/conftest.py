"""A loopback Discord for each test, a bot that can be connected to it, and no waiting."""

import asyncio
import gc
import logging
import time
import types
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.fakes import FAKE_CATALOG, FakeEngine
from tests.loopback.ids import Clock
from tests.loopback.pointing import point_discord_at
from tests.loopback.server import TOKEN, LoopbackDiscord
from tests.loopback.stage import NoisyEngine, Stage, connected

PATIENT = ("discord.http", "discord.webhook.async_", "cogs.ui.delivery", "cogs.ui.progress")
"""Modules that sleep between tries."""
UNHEARD = ("asyncio", "aiohttp.server")


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that were asked for, in seconds, in order; none of them takes any time."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:
            asked.append(seconds)
        await asyncio.sleep(0)

    # In their eyes only: the rest of the process sleeps as long as it likes.
    hurried = types.SimpleNamespace(**vars(asyncio))
    hurried.sleep = sleep
    for module in PATIENT:
        monkeypatch.setattr(f"{module}.asyncio", hurried)
    return asked


@pytest.fixture(autouse=True)
def _nothing_lost(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What asyncio (an exception that nobody looked at) and the server would only log fails the test."""
    yield
    gc.collect()
    records = chain.from_iterable(caplog.get_records(phase) for phase in ("setup", "call", "teardown"))
    lost = [r.getMessage() for r in records if r.name in UNHEARD and r.levelno >= logging.ERROR]
    assert lost == []


@pytest.fixture
def upload_limit() -> int:
    """Bytes of a file that interactions say are allowed; a test may parametrize it."""
    return 10 * 1024 * 1024


@pytest.fixture
def clock() -> Clock:
    """What time Discord has; a module may have one of its own."""
    return time.time


@pytest.fixture
async def discord(upload_limit: int, clock: Clock) -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord(upload_limit=upload_limit, clock=clock) as discord:
        with point_discord_at(discord.url):
            yield discord


@pytest.fixture
def previews() -> bool:
    """Whether cards show pictures as they form: uploads too, that would be counted among the others."""
    return False


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, previews: bool) -> Settings:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    return Settings(data_dir=tmp_path / "data", catalog=FAKE_CATALOG, previews=previews)


@pytest.fixture
def engine() -> FakeEngine:
    return NoisyEngine()


@pytest.fixture
async def stage(discord: LoopbackDiscord, settings: Settings, engine: FakeEngine) -> AsyncIterator[Stage]:
    async with connected(discord, settings, engine) as stage:
        yield stage
