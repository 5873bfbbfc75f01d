"""Shared by all tests: no setting of this machine reaches them."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.settings import Settings

# A slow machine is no failing test; what is bounded is counted, not timed.
settings.register_profile("atelier", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("atelier")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("ATELIER_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)
    monkeypatch.setattr("bot.settings.DOTENV", tmp_path / ".env")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
