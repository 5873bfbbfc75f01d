"""A model's own safety checker stays on, and is obeyed."""

import asyncio
import contextlib
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from bot.core.errors import UnsafeImageError
from bot.core.jobs import Picture
from tests.engine import families
from tests.engine.conftest import AnyEngine, MakeEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, ignore

NEVER, ALWAYS = 2.0, -2.0
"""Thresholds for a cosine similarity."""


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> AnyEngine:
    folder = tmp_path_factory.mktemp("safety")
    thresholds = {"strict": ALWAYS, "lax": NEVER}
    saved = {
        name: families.save_with_safety_checker(folder / name, tiny, threshold)
        for name, threshold in thresholds.items()
    }
    specs = [a_spec(source=tiny), *(a_spec(name, place) for name, place in saved.items())]
    return make_engine(a_catalog(*specs), max_resident=3)


@pytest.fixture
def black(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every decode gives a black picture."""

    def decode(_vae: Any, latents: Any, **_: Any) -> tuple[Any, ...]:
        return (torch.full((1, 3, 2 * latents.shape[2], 2 * latents.shape[3]), -1.0),)

    monkeypatch.setattr(AutoencoderKL, "decode", decode)


async def test_a_checker_that_flags_everything_does_not_keep_the_model_from_loading(
    engine: AnyEngine,
) -> None:
    assert (await engine.load("strict")).image_to_image


async def test_a_flagged_picture_is_held_back(engine: AnyEngine) -> None:
    with pytest.raises(UnsafeImageError) as caught:
        await engine.generate(a_recipe(model="strict"), None, ignore)

    assert caught.value.model == "strict"


async def test_a_flag_counts_also_where_the_checker_leaves_the_picture_as_it_is(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.load("lax")
    monkeypatch.setattr(
        StableDiffusionPipeline, "run_safety_checker", lambda _, image, *_args: (image.abs() + 0.1, [True])
    )

    with pytest.raises(UnsafeImageError):
        await engine.generate(a_recipe(model="lax"), None, ignore)


async def test_a_flagged_remix_is_held_back(engine: AnyEngine) -> None:
    with pytest.raises(UnsafeImageError):
        await engine.generate(a_recipe(model="strict", strength=0.5), a_picture(), ignore)


async def test_a_harmless_picture_passes(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(model="lax"), None, ignore)

    assert any(made.picture.rgb)


async def test_nothing_is_shown_of_a_picture_before_its_checker_has_seen_it(
    engine: AnyEngine, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.batcher.GAP", 0.0)  # else these pictures are too quick for previews
    monkeypatch.setattr("bot.engine.batcher.MOST_SHARE", math.inf)
    shown: dict[str, list[Picture]] = {"tiny": [], "lax": [], "strict": []}
    for model, pictures in shown.items():
        with contextlib.suppress(UnsafeImageError):
            await engine.generate(a_recipe(model=model), None, ignore, pictures.append)
    await asyncio.sleep(0)

    assert bool(shown["tiny"]) is (kind == "step"), "the others prove nothing"
    assert shown["lax"] == shown["strict"] == []


@pytest.mark.usefixtures("black")
async def test_a_black_picture_beside_a_checker_counts_as_held_back(engine: AnyEngine) -> None:
    with pytest.raises(UnsafeImageError):
        await engine.generate(a_recipe(model="lax"), None, ignore)


@pytest.mark.usefixtures("black")
async def test_a_black_picture_without_a_checker_is_a_picture(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(), None, ignore)

    assert not any(made.picture.rgb)
