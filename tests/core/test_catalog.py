import tomllib
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.catalog import Capabilities, Catalog, ModelSpec, read_catalog
from bot.core.errors import SettingsError, SizeError, UnknownModelError
from tests.core.examples import CATALOG, PLAIN, TINY

ONE = '[[model]]\nname = "one"\nsource = "somebody/one"\n'


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    """Models whose native size is within their own limits, as `read_catalog` sees to."""
    multiple = draw(st.sampled_from([1, 8, 16, 32, 64]))
    columns, rows = draw(st.integers(1, 64)), draw(st.integers(1, 64))
    low = draw(st.integers(1, min(columns, rows)))
    high = max(columns, rows) + draw(st.integers(0, 64))
    native = columns * rows * multiple * multiple
    return ModelSpec(
        name="any",
        source="any",
        width=columns * multiple,
        height=rows * multiple,
        multiple_of=multiple,
        min_side=max(1, low * multiple - draw(st.integers(0, multiple - 1))),
        max_side=high * multiple + draw(st.integers(0, multiple - 1)),
        max_pixels=draw(st.sampled_from([0, native, native + multiple])),
    )


RATIOS = st.floats(1 / 40, 40)


@given(specs(), RATIOS)
def test_the_size_for_a_ratio_is_always_one_that_the_model_can_make(spec: ModelSpec, ratio: float) -> None:
    size = spec.size_for(ratio)

    assert spec.check_size(*size) == size


@given(specs(), RATIOS)
def test_the_size_for_a_ratio_is_as_near_as_the_blocks_allow(spec: ModelSpec, ratio: float) -> None:
    size = spec.size_for(ratio)

    longer, shorter = size if ratio >= 1 else reversed(size)
    least = -(-spec.min_side // spec.multiple_of) * spec.multiple_of
    most = min(spec.max_side, spec.pixel_limit // least) // spec.multiple_of * spec.multiple_of
    # Where the budget is full, up to a block of each side gives way, and so does the rounding.
    slack = 3 * spec.multiple_of / shorter
    assert longer / shorter == pytest.approx(min(max(ratio, 1 / ratio), most / least), rel=slack)


@given(specs(), st.floats(1 / 40, 1, exclude_max=True))
def test_a_picture_on_its_side_gets_the_same_size_on_its_side(spec: ModelSpec, ratio: float) -> None:
    width, height = spec.size_for(ratio)

    assert (height, width) == spec.size_for(1 / ratio)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (1, (512, 512)),
        (3 / 2, (624, 416)),
        (2 / 3, (416, 624)),
        (16 / 9, (680, 384)),
        (9 / 16, (384, 680)),
        (8, (1024, 128)),
        (1 / 8, (128, 1024)),
        (100, (1024, 64)),
        (1 / 100, (64, 1024)),
    ],
)
def test_sizes_of_a_512_pixel_model(ratio: float, expected: tuple[int, int]) -> None:
    assert PLAIN.size_for(ratio) == expected


def test_the_native_ratio_gives_the_native_size() -> None:
    assert replace(PLAIN, width=768).size_for(1.5) == (768, 512)


def test_the_longer_side_grows_where_the_shorter_one_is_held() -> None:
    spec = replace(PLAIN, width=1024, height=1024, min_side=768, max_side=1536)

    assert spec.size_for(2) == (1536, 768)


def test_the_longer_side_gives_way_where_rounding_steps_over_the_limit() -> None:
    spec = replace(PLAIN, width=256, height=256, multiple_of=64, max_pixels=256 * 256)

    assert spec.size_for(2.2) == (320, 192)  # 384x192 would be nearer
    assert spec.size_for(1 / 2.2) == (192, 320)


@pytest.mark.parametrize(
    ("size", "good"),
    [
        ((512, 512), True),
        ((64, 1024), True),
        ((768, 512), True),
        ((776, 512), False),  # one and a half times the native pixels, and a block
        ((516, 512), False),
        ((512, 516), False),
        ((56, 512), False),
        ((512, 56), False),
        ((1032, 64), False),
        ((0, 512), False),
        ((-512, 512), False),
    ],
)
def test_a_size_is_checked_against_block_sides_and_pixels(size: tuple[int, int], good: bool) -> None:
    if good:
        assert PLAIN.check_size(*size) == size
        return
    with pytest.raises(SizeError) as caught:
        PLAIN.check_size(*size)
    assert astuple(caught.value) == (*size, 8, 64, 1024, 393_216)


def test_a_pixel_limit_of_its_own_wins() -> None:
    assert replace(PLAIN, max_pixels=300_000).pixel_limit == 300_000
    assert PLAIN.pixel_limit == 512 * 512 * 3 // 2


def test_a_model_is_found_by_its_name_in_any_case() -> None:
    assert CATALOG.get("plain") is PLAIN
    assert CATALOG.find("PLAIN") is PLAIN


@pytest.mark.parametrize("name", [None, ""])
def test_the_default_is_given_when_no_model_is_named(name: str | None) -> None:
    assert CATALOG.get(name) is TINY


def test_a_model_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert CATALOG.find("turbo") is None
    with pytest.raises(UnknownModelError) as caught:
        CATALOG.get("turbo")

    assert (caught.value.name, caught.value.known) == ("turbo", ("tiny", "Plain"))


def test_a_default_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownModelError) as caught:
        Catalog((TINY,), "gone").get()

    assert caught.value.name == "gone"


def test_a_catalogue_lists_its_models_in_order() -> None:
    assert list(CATALOG) == [TINY, PLAIN]
    assert CATALOG.names == ("tiny", "Plain")


def test_capabilities_are_learnt_for_one_model_alone() -> None:
    learnt = CATALOG.with_capabilities("PLAIN", Capabilities(strength=False))

    assert learnt.get("plain").capabilities == Capabilities(strength=False)
    assert learnt.get("tiny") is TINY
    assert CATALOG.get("plain").capabilities is None


def test_a_table_needs_no_more_than_a_name_and_a_source() -> None:
    [spec] = read_catalog(ONE)

    assert spec == ModelSpec(name="one", source="somebody/one")


def test_a_table_may_set_every_field_but_the_capabilities() -> None:
    text = """
[[model]]
name = "full"
source = "somebody/full"
revision = "abc"
variant = "fp16"
family = "stable-diffusion-xl"
description = "All of it."
width = 1024
height = 768
multiple_of = 16
min_side = 256
max_side = 1536
max_pixels = 1_000_000
num_inference_steps = 4
max_steps = 8
min_run_steps = 2
guidance_scale = 0
max_guidance_scale = 2.5
scheduler = "LCMScheduler"
dtype = "bfloat16"
checked = true
"""
    [spec] = read_catalog(text)

    [table] = tomllib.loads(text)["model"]
    assert spec == ModelSpec(**table)
    assert spec.guidance_scale == 0


def test_the_first_model_is_the_default_unless_another_is_named() -> None:
    text = ONE + ONE.replace("one", "two")

    assert read_catalog(text).get().name == "one"
    assert read_catalog(text, "TWO").get().name == "two"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[model]", "is not valid TOML: "),
        ("", "needs at least one [[model]] table"),
        ("model = []", "needs at least one [[model]] table"),
        ("[model]\nname = 'one'", "needs at least one [[model]] table"),
        ("model = [1]", "needs at least one [[model]] table"),
        ("[[model]]\nsource = 'x'", "[[model]] number 1 has no 'name'"),
        (ONE + "[[model]]\nname = 'two'", "[[model]] number 2 has no 'source'"),
        (ONE.replace("somebody/one", ""), "[[model]] number 1 has no 'source'"),
        (ONE + "wdith = 8", "[[model]] number 1 has the unknown key 'wdith'; known are checked, compi"),
        (ONE + "capabilities = 1", "[[model]] number 1 has the unknown key 'capabilities'; known"),
        (ONE + "lexicon = 'x'", "[[model]] number 1 has the unknown key 'lexicon'; known"),
        (ONE + "width = '8'", "[[model]] number 1: 'width' must be of type int, not '8'"),
        (ONE + "width = true", "[[model]] number 1: 'width' must be of type int, not True"),
        (ONE + "width = 8.0", "[[model]] number 1: 'width' must be of type int, not 8.0"),
        (ONE + "revision = 5", "[[model]] number 1: 'revision' must be of type str, not 5"),
        (ONE + "guidance_scale = '7'", "[[model]] number 1: 'guidance_scale' must be of type float, not '7'"),
        (ONE + "checked = 1", "[[model]] number 1: 'checked' must be of type bool, not 1"),
        (ONE + "max_steps = 10", "[[model]] number 1: 'num_inference_steps' is above 'max_steps'"),
        (ONE + "width = 500", "[[model]] number 1: its own native size is outside its limits"),
        (ONE + "max_pixels = 4096", "[[model]] number 1: its own native size is outside its limits"),
        (ONE + "max_pixels = -1", "[[model]] number 1: its own native size is outside its limits"),
        (ONE + ONE.replace('"one"', '"ONE"'), "names the model 'one' twice"),
    ],
)
def test_a_catalogue_that_is_off_says_where(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_catalog(text)

    assert caught.value.variable == "ATELIER_CATALOG"
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize(
    "key",
    [
        "width",
        "height",
        "multiple_of",
        "min_side",
        "max_side",
        "num_inference_steps",
        "max_steps",
        "min_run_steps",
    ],
)
def test_a_number_below_one_is_refused_by_its_key(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_catalog(ONE + f"{key} = 0")

    assert caught.value.problem == f"[[model]] number 1: {key!r} must be at least 1"


def test_a_default_that_is_not_in_the_catalogue_is_the_settings_fault() -> None:
    with pytest.raises(SettingsError) as caught:
        read_catalog(ONE, "two")

    assert caught.value.variable == "ATELIER_DEFAULT_MODEL"
    assert caught.value.problem == "is 'two', but the catalogue has only one"
