"""An engine for a bot that is to be killed at work: no torch, and steps that take a little time."""

import asyncio
from typing import Final

from bot.core.jobs import Picture, Render
from bot.core.ports import OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.core.strength import steps_run
from tests.fakes import FakeEngine

SLOTS: Final = 4
STEP_SECONDS: Final = 0.03


class PacedEngine(FakeEngine):
    """Several pictures at once, each for about a third of a second: a kill finds them at every stage."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = SLOTS
        self._free = asyncio.Semaphore(SLOTS)

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        steps = recipe.num_inference_steps
        run = steps if recipe.strength is None else steps_run(steps, recipe.strength)
        async with self._free:
            for step in range(1, run + 1):
                await asyncio.sleep(STEP_SECONDS)
                on_step(step, run)
            return await super().generate(recipe, source, _unheard, on_preview)


def _unheard(_step: int, _steps: int) -> None:
    """The steps were told of already."""
