"""The built-in model."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoPipelineForText2Image, StableDiffusionPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from bot.engine import tiny as module
from bot.engine.pipeline_engine import PipelineEngine
from bot.engine.tiny import tiny_folder
from tests.engine.examples import a_picture, a_recipe, an_image, ignore, pixels


def hashes(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def difference(one: Any, other: Any) -> float:
    """Mean distance of two pictures' pixels, 0 to 255."""
    return float(abs(one - other).mean())


@pytest.fixture(scope="module")
def vae(tiny: Path) -> Any:
    return AutoencoderKL.from_pretrained(tiny / "vae")


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    return CLIPTokenizer.from_pretrained(tiny / "tokenizer")


def test_two_builds_are_the_same_byte_for_byte_whatever_the_global_seed(tiny: Path, tmp_path: Path) -> None:
    torch.manual_seed(12345)

    assert hashes(tiny_folder(tmp_path)) == hashes(tiny)


def test_all_weights_are_safetensors_and_small(tiny: Path) -> None:
    files = [file for file in tiny.rglob("*") if file.is_file()]

    assert {file.suffix for file in files} == {".safetensors", ".json"}
    assert sum(file.stat().st_size for file in files) < 2**20


def test_an_existing_model_is_used_as_it_is(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_build", None)

    assert tiny_folder(tiny.parent) == tiny


def test_nothing_unfinished_is_left_when_building_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(_pipeline: Any, folder: Path) -> None:
        folder.mkdir()
        raise OSError(folder)

    monkeypatch.setattr(StableDiffusionPipeline, "save_pretrained", fill_the_disk)

    with pytest.raises(OSError, match="tiny"):
        tiny_folder(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_model_that_another_process_built_meanwhile_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_slowly(_pipeline: Any, folder: Path) -> None:
        for place in (folder, tmp_path / folder.name):
            place.mkdir()
            (place / "who").write_text("us" if place == folder else "them")

    monkeypatch.setattr(StableDiffusionPipeline, "save_pretrained", build_slowly)

    assert (tiny_folder(tmp_path) / "who").read_text() == "them"


def test_a_folder_that_cannot_be_put_in_place_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, _target: Path) -> None:
        raise PermissionError(self)

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(PermissionError):
        tiny_folder(tmp_path)


def test_stock_diffusers_loads_it_unaided(tiny: Path) -> None:
    assert type(AutoPipelineForText2Image.from_pretrained(tiny)) is StableDiffusionPipeline


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=1000))
def test_any_text_becomes_tokens_that_the_encoder_knows(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text, truncation=True).input_ids

    assert 2 <= len(ids) <= 256
    assert max(ids) < len(tokenizer)


def test_the_vae_gives_back_what_it_took_but_for_the_finest_detail(vae: Any) -> None:
    image = torch.from_numpy(np.array(an_image(128, 128))).permute(2, 0, 1)[None] / 127.5 - 1

    with torch.no_grad():
        again = vae.decode(vae.encode(image).latent_dist.mode()).sample

    assert difference(again, image) < 0.03


async def test_prompts_and_seeds_give_different_colourful_pictures(engine: PipelineEngine) -> None:
    recipes = [a_recipe(prompt=prompt, seed=seed) for prompt in ("a red cat", "neon city") for seed in (1, 2)]

    made = [pixels((await engine.generate(recipe, None, ignore)).picture) for recipe in recipes]

    for index, picture in enumerate(made):
        assert picture.std(axis=(0, 1)).min() > 15  # neither black nor flat grey
        assert all(difference(picture, other) > 10 for other in made[:index])


async def test_a_remix_keeps_the_less_of_its_source_the_stronger_it_is(engine: PipelineEngine) -> None:
    source = a_picture(128, 128)
    distances = []

    for strength in (0.1, 0.3, 0.6, 1.0):
        recipe = a_recipe(width=128, height=128, num_inference_steps=10, strength=strength)
        made = await engine.generate(recipe, source, ignore)
        distances.append(difference(pixels(made.picture), pixels(source)))

    assert distances == sorted(distances)
    assert distances[1] < 30 < distances[-1]


async def test_it_makes_sizes_that_its_halvings_do_not_divide(engine: PipelineEngine) -> None:
    made = await engine.generate(a_recipe(width=72, height=104), None, ignore)

    assert (made.picture.width, made.picture.height) == (72, 104)
