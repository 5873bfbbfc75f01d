"""Many different requests at once are what stock pipelines make of each alone."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.core.recipe import Recipe
from bot.core.strength import raise_steps
from bot.engine.denoising import Denoising
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.step_engine import StepEngine
from tests.engine import families
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, even_clock, ignore, pixels
from tests.engine.stock import Stock

pytestmark = [
    # Diffusers' schedulers hand torch tensors to NumPy 2 in the old way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`upcast_vae` is deprecated:FutureWarning"),
]

SCHEDULERS = (
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "HeunDiscreteScheduler",
)
LATENTS, PIXELS = 1e-4, 1
"""What may differ: latents in float32, at the size that latents have; pixels of 255."""
ORDINARY = 4.0
"""The size that latents have: unit normal, they hardly ever exceed it. Random weights let those of some
schedulers (LCM, most of all) grow to 70, and what rounding does to them in proportion."""

SAVE: dict[str, Callable[[Path, Path], Path]] = {
    "sd1-epsilon": lambda folder, tiny: families.save_random_stable_diffusion(folder, tiny, "epsilon"),
    "sd2-v": lambda folder, tiny: families.save_random_stable_diffusion(folder, tiny, "v_prediction"),
    "sdxl": families.save_stable_diffusion_xl,
}


@pytest.fixture(scope="module")
def folders(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save(tmp_path_factory.mktemp(name), tiny) for name, save in SAVE.items()}


def an_engine(folders: dict[str, Path], **options: Any) -> StepEngine:
    catalog = a_catalog(*(a_spec(name, folder, multiple_of=16) for name, folder in folders.items()))
    return StepEngine(Host(catalog, EngineOptions(max_resident=len(folders), **options)), even_clock())


def mixed(model: str, scheduler: str) -> list[Recipe]:
    """Twelve requests: both kinds, guided and not, strengths from 0.1 to 1, different steps and seeds."""
    recipes = [
        a_recipe(num_inference_steps=steps, guidance_scale=guidance, seed=steps, negative_prompt=negative)
        for steps, guidance, negative in ((5, 7.5, "blur"), (8, 1.0, ""), (6, 7.5, ""), (4, 1.0, ""))
    ]
    strengths = (0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
    for number, strength in enumerate(strengths):
        steps = raise_steps(8 + number % 2, strength)
        guidance = (1.0, 7.5)[number % 2]
        recipes.append(
            a_recipe(num_inference_steps=steps, strength=strength, guidance_scale=guidance, seed=number)
        )
    return [
        Recipe(**{**_fields(recipe), "model": model, "scheduler": scheduler, "prompt": f"a red cat {number}"})
        for number, recipe in enumerate(recipes)
    ]


def _fields(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in recipe.__slots__}


@pytest.fixture
def final_latents(monkeypatch: pytest.MonkeyPatch) -> dict[Recipe, Any]:
    """The latents of each recipe's picture, as they are before the decode."""
    kept: dict[Recipe, Any] = {}
    advance = Denoising.advance

    def watched(denoising: Denoising, predictions: list[Any]) -> Any:
        seen = advance(denoising, predictions)
        assert denoising.latents is not None
        kept[denoising.order.recipe] = denoising.latents.clone()
        return seen

    monkeypatch.setattr(Denoising, "advance", watched)
    return kept


async def together(engine: StepEngine, recipes: list[Recipe]) -> list[Any]:
    renders = await asyncio.gather(
        *(engine.generate(each, a_picture() if each.is_remix else None, ignore) for each in recipes)
    )
    return [pixels(render.picture) for render in renders]


@dataclass(frozen=True)
class Sides:
    """One model, ours and stock's."""

    model: str
    engine: StepEngine
    stock: Stock


@pytest.fixture(scope="module", params=SAVE)
def sides(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Iterator[Sides]:
    folder = folders[request.param]
    engine = an_engine({request.param: folder})
    yield Sides(request.param, engine, Stock(folder))
    asyncio.run(engine.close())


@pytest.mark.parametrize("scheduler", SCHEDULERS)
async def test_twelve_at_once_are_what_stock_makes_of_each_alone(
    sides: Sides, final_latents: dict[Recipe, Any], scheduler: str
) -> None:
    engine, stock = sides.engine, sides.stock
    recipes = mixed(sides.model, scheduler)
    forwards, rows = engine.tally.forwards, engine.tally.rows

    made = await together(engine, recipes)

    shared = (engine.tally.rows - rows) / (engine.tally.forwards - forwards)
    assert shared > 2, "they did not share their forwards"
    for recipe, picture in zip(recipes, made, strict=True):
        expected = stock.make(recipe)
        size = max(1.0, float(expected.latents.abs().max()) / ORDINARY)
        assert (final_latents[recipe] - expected.latents).abs().max() <= LATENTS * size
        assert abs(picture - expected.pixels).max() <= PIXELS


async def test_models_and_sizes_side_by_side_keep_to_their_own(folders: dict[str, Path]) -> None:
    engine = an_engine(folders)
    recipes = [
        a_recipe(model=model, width=width, height=64, scheduler="DDIMScheduler", seed=width)
        for model in SAVE
        for width in (64, 96)
    ]

    made = await together(engine, recipes)
    await engine.close()

    stock = {model: Stock(folder) for model, folder in folders.items()}
    for recipe, picture in zip(recipes, made, strict=True):
        assert abs(picture - stock[recipe.model].make(recipe).pixels).max() <= PIXELS


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("rows", [4, 6])  # six rows differ by place on two threads
@pytest.mark.parametrize("model", SAVE)
async def test_in_exact_mode_a_picture_is_the_same_to_the_bit_whatever_its_neighbours(
    folders: dict[str, Path], final_latents: dict[Recipe, Any], model: str, rows: int
) -> None:
    engine = an_engine({model: folders[model]}, exact_rows=rows)
    recipes = mixed(model, "EulerAncestralDiscreteScheduler")[::2]
    in_company = await together(engine, recipes)
    latents = dict(final_latents)

    for recipe, picture in zip(recipes, in_company, strict=True):
        [alone] = await together(engine, [recipe])
        assert torch.equal(final_latents[recipe], latents[recipe])
        assert (alone == picture).all()
    await engine.close()
