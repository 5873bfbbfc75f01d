"""The real bot in SimCord, over the real database, codec and files, and a fake engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from simcord.backend import serializers

from bot.settings import Settings
from tests.discord.world import World
from tests.fakes import FAKE_CATALOG, FakeEngine

COMPONENTS_V2 = 1 << 15


@pytest.fixture(autouse=True)
def _hide_gallery_attachments(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Discord does, and SimCord does not: what a gallery shows is no attachment when read back."""
    original = serializers.message_payload

    def message_payload(*args: Any, **kwargs: Any) -> Any:
        payload = original(*args, **kwargs)
        if payload.get("flags", 0) & COMPONENTS_V2:
            payload["attachments"] = []
        return payload

    monkeypatch.setattr(serializers, "message_payload", message_payload)


@pytest.fixture
def message_content() -> bool:
    """Whether the message-content intent is on; a test may parametrize it."""
    return False


@pytest.fixture
def catalog() -> Path | None:
    """The operator's catalogue, None for the built-in one; a test may parametrize it."""
    return FAKE_CATALOG


@pytest.fixture
def settings(tmp_path: Path, catalog: Path | None, message_content: bool) -> Settings:
    return Settings(data_dir=tmp_path / "data", catalog=catalog, message_content=message_content)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def world(
    settings: Settings, engine: FakeEngine, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A server with a channel and two members, and the bot.

    In a test marked `live`, an action returns while its picture is still being made; otherwise when
    the picture is there.
    """
    world = World(settings, engine, live=request.node.get_closest_marker("live") is not None)
    async with world.opened():
        yield world
