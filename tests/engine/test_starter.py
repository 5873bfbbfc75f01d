"""The model that comes along, loaded for real: by us, and by nothing but stock diffusers."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from transformers import CLIPTokenizer

from bot.core.catalog import ModelSpec
from bot.core.lexicon import Lexicon
from bot.core.recipe import Recipe
from bot.engine.folders import STARTER_FOLDER
from bot.settings import Settings
from bot.wiring import load_catalog
from tests.engine.conftest import AnyEngine, MakeEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, an_image, ignore, pixels

SIDE = 256
STRENGTH = 0.75
ODD = [
    "",
    "\N{GRINNING FACE}\N{PARTY POPPER}",
    "\u4e00\u53ea\u6234\u5e3d\u5b50\u7684\u732b",  # "a cat with a hat", in Chinese
    "wonderful " * 100,
    "x" * 1000,
    "\x00\x07\x1b[31m\x7f\u202e\ufffe",
]
"""Prompts without a word that it knows."""


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return load_catalog(Settings()).get("starter")


@pytest.fixture(scope="module")
def lexicon(spec: ModelSpec) -> Lexicon:
    assert spec.lexicon
    return spec.lexicon


@pytest.fixture(scope="module")
def phrases(lexicon: Lexicon) -> list[str]:
    """Every prompt that it is ever given where something was understood."""
    colours = [None, *(colour.name for colour in lexicon.colours)]
    return [
        lexicon.phrase(thing.name, style.name, colour)
        for thing in lexicon.objects
        for style in lexicon.styles
        for colour in colours
    ]


@pytest.fixture(scope="module")
def tokens(phrases: list[str]) -> list[list[int]]:
    """Of each phrase, between start and end."""
    ids: list[list[int]] = CLIPTokenizer.from_pretrained(STARTER_FOLDER / "tokenizer")(phrases).input_ids
    return [each[1:-1] for each in ids]


@pytest.fixture(scope="module")
def engine(spec: ModelSpec, make_engine: MakeEngine) -> AnyEngine:
    return make_engine(a_catalog(spec), device="cpu")


@pytest.fixture(scope="module")
def text_to_image() -> Any:
    return quiet(StableDiffusionPipeline.from_pretrained(STARTER_FOLDER))


@pytest.fixture(scope="module")
def image_to_image() -> Any:
    return quiet(StableDiffusionImg2ImgPipeline.from_pretrained(STARTER_FOLDER))


def quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def recipe(prompt: str, **changes: Any) -> Recipe:
    return a_recipe(model="starter", prompt=prompt, width=SIDE, height=SIDE, **changes)


def given(recipe: Recipe) -> dict[str, Any]:
    """A recipe as stock pipelines take it."""
    return {
        "prompt": recipe.prompt,
        "num_inference_steps": recipe.num_inference_steps,
        "guidance_scale": recipe.guidance_scale,
        "generator": torch.Generator("cpu").manual_seed(recipe.seed),
    }


async def drawn(engine: AnyEngine, recipe: Recipe) -> Any:
    source = a_picture(SIDE, SIDE) if recipe.is_remix else None
    return pixels((await engine.generate(recipe, source, ignore)).picture)


# Its files


def test_it_is_small_enough_for_a_repository() -> None:
    sizes = [path.stat().st_size for path in STARTER_FOLDER.rglob("*") if path.is_file()]

    assert sum(sizes) <= 40_000_000
    assert max(sizes) < 15_000_000


def test_the_catalogue_counts_its_things_right(spec: ModelSpec, lexicon: Lexicon) -> None:
    assert spec.description.startswith(f"Draws {len(lexicon.objects)} things in five styles")
    assert len(lexicon.styles) == 5


def test_every_phrase_is_short_enough_to_be_read_whole(tokens: list[list[int]], phrases: list[str]) -> None:
    most = CLIPTokenizer.from_pretrained(STARTER_FOLDER / "tokenizer").model_max_length

    assert [phrase for phrase, ids in zip(phrases, tokens, strict=True) if len(ids) + 2 > most] == []


def test_every_word_of_every_phrase_is_known(tokens: list[list[int]], phrases: list[str]) -> None:
    unknown = CLIPTokenizer.from_pretrained(STARTER_FOLDER / "tokenizer").unk_token_id

    assert [phrase for phrase, ids in zip(phrases, tokens, strict=True) if unknown in ids] == []


# Its pictures


async def test_a_picture_is_stock_diffusers_pixel_by_pixel(
    tolerance: int, engine: AnyEngine, text_to_image: Any
) -> None:
    ours = recipe("a 3d cat")

    stock = np.array(text_to_image(**given(ours)).images[0]).astype(int)

    assert stock.shape == (SIDE, SIDE, 3)
    assert abs(await drawn(engine, ours) - stock).max() <= tolerance


async def test_a_remix_is_stock_diffusers_pixel_by_pixel(
    tolerance: int, engine: AnyEngine, image_to_image: Any
) -> None:
    ours = recipe("a neon cat", strength=STRENGTH)

    made = image_to_image(image=an_image(SIDE, SIDE), strength=STRENGTH, **given(ours))
    stock = np.array(made.images[0]).astype(int)

    assert stock.shape == (SIDE, SIDE, 3)
    assert abs(await drawn(engine, ours) - stock).max() <= tolerance


@pytest.mark.parametrize("strength", [None, STRENGTH])
async def test_the_same_recipe_gives_the_same_picture(engine: AnyEngine, strength: float | None) -> None:
    once = await drawn(engine, recipe("a 3d cat", strength=strength))
    await drawn(engine, recipe("a neon apple", seed=1))

    assert (await drawn(engine, recipe("a 3d cat", strength=strength)) == once).all()


async def test_another_prompt_gives_another_picture(engine: AnyEngine) -> None:
    cat, apple = [await drawn(engine, recipe(prompt)) for prompt in ("a 3d cat", "a 3d apple")]

    assert abs(cat - apple).mean() > 5


async def test_a_neon_picture_is_dark_and_a_pencil_sketch_light(engine: AnyEngine) -> None:
    neon = await drawn(engine, recipe("a neon house", num_inference_steps=8))
    pencil = await drawn(engine, recipe("a pencil sketch of a house", num_inference_steps=8))

    assert neon.mean() < 80
    assert pencil.mean() > 180


@pytest.mark.parametrize("prompt", ODD)
async def test_the_engine_draws_something_for_any_words(engine: AnyEngine, prompt: str) -> None:
    assert (await drawn(engine, recipe(prompt, num_inference_steps=2))).shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("prompt", ODD)
def test_any_words_give_finite_numbers(text_to_image: Any, prompt: str) -> None:
    made = text_to_image(**given(recipe(prompt, num_inference_steps=2)), output_type="np")

    assert np.isfinite(made.images).all()
