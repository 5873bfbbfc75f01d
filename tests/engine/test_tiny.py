"""What the tiny model shows of a picture's making."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from tests.engine.conftest import AnyEngine
from tests.engine.examples import a_picture, a_recipe, ignore, pixels
from tests.engine.tiny import save_tiny


def hashes(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def difference(one: Any, other: Any) -> float:
    """Mean distance of two pictures' pixels, 0 to 255."""
    return float(abs(one - other).mean())


def test_two_builds_are_the_same_byte_for_byte_whatever_the_global_seed(tiny: Path, tmp_path: Path) -> None:
    torch.manual_seed(12345)

    assert hashes(save_tiny(tmp_path)) == hashes(tiny)


async def test_prompts_and_seeds_give_different_colourful_pictures(engine: AnyEngine) -> None:
    recipes = [a_recipe(prompt=prompt, seed=seed) for prompt in ("a red cat", "neon city") for seed in (1, 2)]

    made = [pixels((await engine.generate(recipe, None, ignore)).picture) for recipe in recipes]

    for index, picture in enumerate(made):
        assert picture.std(axis=(0, 1)).min() > 15  # neither black nor flat grey
        assert all(difference(picture, other) > 10 for other in made[:index])


async def test_a_remix_keeps_the_less_of_its_source_the_stronger_it_is(engine: AnyEngine) -> None:
    source = a_picture(128, 128)
    distances = []

    for strength in (0.1, 0.3, 0.6, 1.0):
        recipe = a_recipe(width=128, height=128, num_inference_steps=10, strength=strength)
        made = await engine.generate(recipe, source, ignore)
        distances.append(difference(pixels(made.picture), pixels(source)))

    assert distances == sorted(distances)
    assert distances[1] < 30 < distances[-1]


async def test_it_makes_sizes_that_its_halvings_do_not_divide(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(width=72, height=104), None, ignore)

    assert (made.picture.width, made.picture.height) == (72, 104)
