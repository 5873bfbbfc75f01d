"""A working engine without torch: its pictures are noise, named by the recipe."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.core.catalog import Capabilities
from bot.core.errors import AtelierError, EngineClosedError, EngineStalledError
from bot.core.jobs import Picture, Render
from bot.core.ports import DeviceReport, OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.core.strength import steps_run

FAKE_CATALOG: Final = Path(__file__).with_name("fakes.toml")
"""Its one model takes any prompt as it is: what a test says is what the engine is given."""


class FakeEngine:
    """Implements `Engine`. Counts its calls, fails on demand, and can be held between steps."""

    def __init__(self) -> None:
        self.recipes: list[Recipe] = []
        self.loaded: list[str] = []
        self.sources: list[Picture | None] = []
        self.errors: list[AtelierError | Exception] = []
        """Raised one after the other, before anything works again."""
        self.capabilities = Capabilities()
        self.prompt_cut = ""
        self.shrink_to: tuple[int, int] | None = None
        self.decodes = 0
        self.closed = False
        self.restarts: list[float] = []
        """The seconds that each `restart` was called with."""
        self.slots = 1
        self.estimates: float | None = None
        """What `estimate` says of every recipe, in milliseconds."""
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        """Stop before each next step until `release` (or `restart`)."""
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    async def load(self, model: str) -> Capabilities:
        if self.closed:
            raise EngineClosedError
        self.loaded.append(model)
        return self.capabilities

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        self.recipes.append(recipe)
        self.sources.append(source)
        if self.errors:
            raise self.errors.pop(0)
        restarts = len(self.restarts)
        steps = recipe.num_inference_steps
        run = steps if recipe.strength is None else steps_run(steps, recipe.strength)
        for step in range(1, run + 1):
            await self._gate.wait()
            if len(self.restarts) > restarts:
                raise EngineStalledError(self.restarts[-1])
            on_step(step, run)
            if on_preview:
                on_preview(noise(8, 8, str(step)))
            await asyncio.sleep(0)
        self.decodes += 1
        if self.shrink_to:
            recipe = replace(recipe, width=self.shrink_to[0], height=self.shrink_to[1])
        return Render(
            picture=noise(recipe.width, recipe.height, f"{recipe.seed}{recipe.prompt}{recipe.strength}"),
            recipe=replace(recipe, scheduler=recipe.scheduler or "DDIMScheduler"),
            steps_run=run,
            seconds=0.5,
            versions={"fake": "1"},
            prompt_cut=self.prompt_cut,
        )

    def estimate(self, recipe: Recipe) -> float | None:  # noqa: ARG002 - the port's
        return self.estimates

    async def report(self) -> DeviceReport:
        return DeviceReport("cpu", "fp32", ())

    async def restart(self, seconds: float) -> None:
        """What is being made fails at its next step; what comes later is not held."""
        self.restarts.append(seconds)
        self._gate.set()

    async def close(self) -> None:
        self.closed = True


def noise(width: int, height: int, name: str) -> Picture:
    """Noise named by `name`: as large a PNG as there can be."""
    return Picture(width, height, random.Random(name).randbytes(width * height * 3))  # noqa: S311 - no secret
