import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager

from bot import __version__
from bot.core.recipe import Recipe
from bot.imaging.codec import PillowCodec
from bot.imaging.ingest import ingest
from bot.imaging.metadata import read_recipe
from tests.imaging.samples import RECIPE, encode, opened, ramp, render

CODEC = PillowCodec()
PLENTY = 10**6

# What people type, but for the one thing that webui's format cannot say: its own marks.
PROMPTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80).map(str.strip)
RECIPES = st.builds(
    Recipe,
    model=st.text(max_size=20),
    revision=st.none() | st.text(max_size=10),
    prompt=st.text(max_size=100),
    negative_prompt=st.text(max_size=100),
    width=st.just(16),
    height=st.just(16),
    num_inference_steps=st.integers(1, 100),
    guidance_scale=st.floats(0, 30),
    seed=st.integers(0, 2**32 - 1),
    scheduler=st.none() | st.just("DDIMScheduler"),
    strength=st.none() | st.floats(0.01, 1),
    source_sha256=st.none() | st.just("0" * 64),
    model_prompt=st.none() | st.text(max_size=100),
    model_negative_prompt=st.none() | st.text(max_size=100),
)


def png_with(**texts: str) -> bytes:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return encode(ramp(), "PNG", pnginfo=info)


def jpeg_with(comment: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.UserComment] = comment
    return encode(ramp(), "JPEG", exif=exif)


def files(recipe: Recipe) -> list[bytes]:
    png = CODEC.encode_png(render(recipe))
    return [png, CODEC.shrink(png, PLENTY)]


@given(RECIPES)
def test_a_recipe_survives_in_png_and_webp(recipe: Recipe) -> None:
    assert [read_recipe(data) for data in files(recipe)] == [recipe, recipe]


@given(PROMPTS)
def test_a_prompt_is_found_again_at_ingest(prompt: str) -> None:
    recipe = replace(RECIPE, prompt=prompt)
    assert [ingest(data).prompt for data in files(recipe)] == [prompt or None] * 2


KEPT: list[Image.Image] = []  # sd-parsers remembers the last WebP by its id(), which must not come up again


@given(PROMPTS, PROMPTS, st.integers(0, 2**32 - 1), st.integers(1, 100))
def test_an_independent_reader_finds_the_same(prompt: str, negative: str, seed: int, steps: int) -> None:
    recipe = replace(RECIPE, prompt=prompt, negative_prompt=negative, seed=seed, num_inference_steps=steps)
    for data in files(recipe):
        KEPT.append(opened(data))
        found = ParserManager().parse(KEPT[-1])
        assert found.full_prompt == prompt
        assert found.full_negative_prompt == negative
        sampler = found.samplers[0]
        assert sampler.name == "Euler a"
        assert (sampler.parameters["seed"], sampler.parameters["steps"]) == (str(seed), str(steps))


def test_a_text_in_latin_1_is_a_plain_chunk() -> None:
    assert b"tEXtparameters\0caf\xe9\n" in CODEC.encode_png(render(replace(RECIPE, prompt="café")))


def test_a_text_beyond_latin_1_is_an_international_chunk() -> None:
    data = CODEC.encode_png(render(replace(RECIPE, prompt="猫 🎨")))
    assert b"iTXtparameters\0\0\0\0\0" + "猫 🎨\n".encode() in data


def test_the_json_tells_how_the_picture_was_made() -> None:
    text = opened(CODEC.encode_png(render())).info["atelier"]
    assert json.loads(text) == json.loads(RECIPE.to_json()) | {
        "steps_run": 12,
        "versions": {"torch": "2.6", "diffusers": "0.35", "device": "cpu"},
        "atelier": __version__,
    }


def test_a_prompt_with_half_a_character_can_still_be_stored() -> None:
    recipe = replace(RECIPE, prompt="\ud83d broken")
    assert [ingest(data).prompt for data in files(recipe)] == ["broken"] * 2


INFOTEXT = "a cat ✨\nSteps: 1, Sampler: Euler, Seed: 2"


def test_webuis_text_is_read_from_a_png() -> None:
    assert ingest(png_with(parameters=INFOTEXT)).prompt == "a cat ✨"


@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le"])
def test_webuis_text_is_read_from_exif_in_both_byte_orders(order: str) -> None:
    assert ingest(jpeg_with(b"UNICODE\0" + INFOTEXT.encode(order))).prompt == "a cat ✨"


def test_webuis_text_is_read_from_exif_in_ascii() -> None:
    assert ingest(jpeg_with(b"ASCII\0\0\0" + INFOTEXT.encode())).prompt == "a cat ✨"


@pytest.mark.parametrize(
    "comment", [b"", b"JIS\0\0\0\0\0a\nSteps: 1", b"UNICODE\0\xd8", b"ASCII\0\0\0my cat"]
)
def test_other_comments_are_no_prompts(comment: bytes) -> None:
    assert ingest(jpeg_with(comment)).prompt is None


def test_a_comment_of_another_type_is_no_prompt() -> None:
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.UserComment] = "a\nSteps: 1"
    exif[Base.ImageDescription] = "my cat"
    assert ingest(encode(ramp(), "JPEG", exif=exif)).prompt is None


def test_a_picture_without_metadata_has_no_prompt() -> None:
    assert ingest(encode(ramp())).prompt is None


def test_text_behind_the_pixels_is_found() -> None:
    data = png_with(parameters=INFOTEXT)
    at = data.index(b"iTXt") - 4
    size = 12 + int.from_bytes(data[at : at + 4])
    text, rest = data[at : at + size], data[:at] + data[at + size :]
    assert ingest(rest[:-12] + text + rest[-12:]).prompt == "a cat ✨"


def test_a_long_prompt_is_cut() -> None:
    assert ingest(png_with(parameters=f"{'x' * 5000}\nSteps: 1")).prompt == "x" * 1000


def test_control_characters_become_spaces() -> None:
    assert ingest(png_with(atelier='{"prompt": "a\\u0007b\\r\\nc \\ud800"}')).prompt == "a b \nc"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"prompt": 5}', '{"prompt": ""}', "[" * 100_000, "9" * 5000],
    ids=["empty", "cut", "list", "null", "number", "no prompt", "deep", "long number"],
)
def test_hostile_json_is_no_prompt_and_no_recipe(text: str) -> None:
    data = png_with(atelier=text)
    assert (ingest(data).prompt, read_recipe(data)) == (None, None)


@pytest.mark.parametrize(
    "change", [{"seed": "1"}, {"width": 4.5}, {"prompt": None}, {"strength": True}, {"model": ["x"]}]
)
def test_a_recipe_with_a_field_of_the_wrong_type_is_none(change: dict[str, object]) -> None:
    assert read_recipe(png_with(atelier=json.dumps(json.loads(RECIPE.to_json()) | change))) is None


def test_a_recipe_without_one_of_its_fields_is_none() -> None:
    facts = json.loads(RECIPE.to_json())
    del facts["seed"]
    assert read_recipe(png_with(atelier=json.dumps(facts))) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", encode(ramp()), encode(ramp(), exif=b"Exif\0\0nonsense")],
    ids=["empty", "text", "bare", "damaged exif"],
)
def test_a_file_without_a_recipe_has_none(data: bytes) -> None:
    assert read_recipe(data) is None


def test_what_the_model_was_given_stands_beside_what_the_user_wrote() -> None:
    recipe = replace(RECIPE, prompt="make it neon", model_prompt="a neon cat", model_negative_prompt="")
    for data in files(recipe):
        ingested = ingest(data)
        assert (ingested.prompt, ingested.model_prompt) == ("make it neon", "a neon cat")
        assert read_recipe(data) == recipe
        KEPT.append(opened(data))
        assert ParserManager().parse(KEPT[-1]).full_prompt == "make it neon"


def test_a_file_without_what_the_model_was_given_has_none() -> None:
    assert [
        ingest(data).model_prompt for data in (*files(RECIPE), png_with(atelier='{"model_prompt": 5}'))
    ] == [None] * 3
