"""The bot that is killed: the real one, in a process of its own, pointed at the loopback Discord.

`python -m tests.chaos.bot_process URL DATA_DIR [--engine starter] [--ahead SECONDS]`. With the fake engine
nothing heavy is imported, so that a start takes about a second.
"""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot import wiring
from bot.core.catalog import Catalog
from bot.core.ports import Engine
from bot.running import serve
from bot.settings import Settings
from tests.chaos.paced_engine import PacedEngine
from tests.fakes import FAKE_CATALOG
from tests.loopback.pointing import point_discord_at
from tests.loopback.server import TOKEN

PER_USER: Final = 20
"""Jobs that one user may have on their way: what is refused for being too much shows nothing here."""


def _paced_engine(settings: Settings, catalog: Catalog) -> Engine:  # noqa: ARG001 - as the one it replaces
    return PacedEngine()


def _clock_ahead_by(seconds: float) -> type[wiring.SystemClock]:
    class ClockAhead(wiring.SystemClock):
        def now(self) -> float:
            return super().now() + seconds

    return ClockAhead


def main() -> None:
    """Serve until SIGTERM, or until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--engine", choices=("fake", "starter"), default="fake")
    parser.add_argument("--ahead", type=float, default=0.0, help="seconds that the bot's clock is ahead")
    given = parser.parse_args()
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    settings = Settings(
        token=SecretStr(TOKEN), data_dir=given.data_dir, queue_limit_per_user=PER_USER, queue_limit=1_000
    )
    if given.engine == "fake":
        settings = settings.model_copy(update={"catalog": FAKE_CATALOG})
        wiring.device_engine = _paced_engine
    else:
        wiring.import_engine()
    wiring.SystemClock = _clock_ahead_by(given.ahead)  # type: ignore[misc] # a class for a class
    with point_discord_at(given.url):
        asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
