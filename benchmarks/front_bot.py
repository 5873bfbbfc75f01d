"""The bot that everybody calls upon at once: the real one, with an engine that needs no device.

`python -m benchmarks.front_bot URL DATA_DIR --queue-limit N`, a process of its own for `benchmarks.front`.
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
from bot.core.jobs import Picture, Render
from bot.core.ports import Engine, OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.running import serve
from bot.settings import Settings
from tests.fakes import FAKE_CATALOG, FakeEngine
from tests.loopback.pointing import point_discord_at
from tests.loopback.server import TOKEN

PICTURE_SECONDS: Final = 0.1
SLOTS: Final = 4


class QuickEngine(FakeEngine):
    """Forty pictures a second at most, as a fast device makes them: it does not wait for the front."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = SLOTS

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        await asyncio.sleep(PICTURE_SECONDS)
        return await super().generate(recipe, source, on_step, on_preview)


def _quick_engine(settings: Settings, catalog: Catalog) -> Engine:  # noqa: ARG001 - as the one it replaces
    return QuickEngine()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--queue-limit", type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = Settings(
        token=SecretStr(TOKEN), data_dir=given.data_dir, catalog=FAKE_CATALOG, queue_limit=given.queue_limit
    )
    wiring.device_engine = _quick_engine
    with point_discord_at(given.url):
        asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
