"""Stock diffusers is the pipeline engine's oracle: same seed, same pixels, whatever was made in between.

The step engine's is in `test_parity.py`.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.core.recipe import Recipe
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, ignore, pixels
from tests.engine.stock import Stock

# Diffusers' schedulers hand torch tensors to NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCHEDULERS = (
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
STEPS = 10


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Iterator[PipelineEngine]:
    engine = PipelineEngine(Host(a_catalog(a_spec(source=tiny)), EngineOptions()))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="module")
def stock(tiny: Path) -> Stock:
    return Stock(tiny)


async def engine_makes(engine: PipelineEngine, recipe: Recipe) -> Any:
    made = await engine.generate(recipe, a_picture() if recipe.is_remix else None, ignore)
    return pixels(made.picture)


@pytest.mark.parametrize("guidance_scale", [1.0, 7.5])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
async def test_a_picture_is_stock_diffusers_pixel_by_pixel(
    engine: PipelineEngine, stock: Stock, scheduler: str, guidance_scale: float
) -> None:
    recipe = a_recipe(
        scheduler=scheduler, guidance_scale=guidance_scale, num_inference_steps=STEPS, negative_prompt="blur"
    )

    assert abs(await engine_makes(engine, recipe) - stock.make(recipe).pixels).max() == 0


@pytest.mark.parametrize("strength", [0.1, 0.3, 0.55, 0.9, 1.0])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
async def test_a_remix_is_stock_diffusers_pixel_by_pixel(
    engine: PipelineEngine, stock: Stock, scheduler: str, strength: float
) -> None:
    recipe = a_recipe(scheduler=scheduler, strength=strength, num_inference_steps=STEPS)

    assert abs(await engine_makes(engine, recipe) - stock.make(recipe).pixels).max() == 0


@pytest.mark.parametrize("scheduler", SCHEDULERS)
async def test_a_picture_is_the_same_after_others(engine: PipelineEngine, scheduler: str) -> None:
    recipe = a_recipe(scheduler=scheduler, seed=99)
    first = await engine_makes(engine, recipe)

    for other in SCHEDULERS:
        await engine_makes(engine, a_recipe(scheduler=other, guidance_scale=1.0))
        await engine_makes(engine, a_recipe(scheduler=other, num_inference_steps=5, strength=0.6))

    assert abs(await engine_makes(engine, recipe) - first).max() == 0


async def test_the_model_s_own_scheduler_is_stock_s_too(engine: PipelineEngine, stock: Stock) -> None:
    recipe = a_recipe(num_inference_steps=STEPS, prompt="日本の庭園 🙂")

    assert abs(await engine_makes(engine, recipe) - stock.make(recipe).pixels).max() == 0


async def test_the_render_s_recipe_makes_the_same_picture_again(engine: PipelineEngine) -> None:
    made = await engine.generate(a_recipe(), None, ignore)

    again = await engine.generate(made.recipe, None, ignore)

    assert again.picture == made.picture
    assert again.recipe == made.recipe
