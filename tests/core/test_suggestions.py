from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.lexicon import Thing
from bot.core.suggestions import LONGEST, suggest
from tests.core.examples import LEXICON

TEXTS = st.text() | st.lists(
    st.sampled_from(["a", "on", "ca", "cat", "pencil", "sk", "neon", "red", "or", "hot", "background", ","])
).map(" ".join)


@given(TEXTS, st.integers(1, 30))
def test_suggestions_are_prompts_in_the_models_own_words_and_no_two_alike(text: str, limit: int) -> None:
    found = suggest(LEXICON, text, limit)

    assert len(found) <= limit
    assert len({*found}) == len(found)
    assert [LEXICON.read(prompt).prompt for prompt in found] == found


def test_empty_text_gives_a_selection_from_every_group_in_every_style() -> None:
    found = [LEXICON.read(prompt) for prompt in suggest(LEXICON, "", 12)]

    groups = {thing.name: thing.group for thing in LEXICON.objects}
    assert {groups[reading.thing or ""] for reading in found} == {*groups.values()}
    assert {reading.style for reading in found} == {style.name for style in LEXICON.styles}
    assert {reading.colour is None for reading in found} == {True, False}


@pytest.mark.parametrize("text", ["cat", "a CAT ", "kitten"])
def test_a_thing_comes_in_all_styles_and_then_on_all_backgrounds(text: str) -> None:
    assert suggest(LEXICON, text)[:9] == [
        "a 3d cat",
        "a pencil sketch of a cat",
        "a neon cat",
        "pixel art of a cat",
        "a cartoon cat",
        "a 3d cat on a white background",
        "a 3d cat on an orange background",
        "a 3d cat on a blue background",
        "a 3d cat on a red background",
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ele", "a 3d elephant"),
        ("a hot d", "a 3d hot dog"),
        ("tangeri", "a 3d orange"),
        ("leaf", "a 3d maple leaf"),
        ("elefant", "a 3d elephant"),
        ("neon ca", "a neon cat"),
        ("cat ne", "a neon cat"),
        ("neon cat", "a neon cat"),
        ("pencil", "a 3d pencil"),
        ("pencil s", "a pencil sketch of a cat"),
        ("pix", "pixel art of a cat"),
        ("a cat on ", "a 3d cat on a white background"),
        ("cat on a r", "a 3d cat on a red background"),
        ("cat on a red b", "a 3d cat on a red background"),
        ("a neon cat on red", "a neon cat on a red background"),
    ],
)
def test_what_is_half_typed_is_completed(text: str, first: str) -> None:
    assert suggest(LEXICON, text)[0] == first


def test_several_things_come_before_their_other_styles() -> None:
    assert suggest(LEXICON, "ca", 5) == [
        "a 3d cat", "a 3d camel", "a 3d car", "a 3d camera", "a 3d taxi"
    ]  # fmt: skip


def test_text_that_leads_nowhere_gives_nothing() -> None:
    assert suggest(LEXICON, "astronaut") == []


def test_a_prompt_that_is_too_long_for_a_choice_is_left_out() -> None:
    names = ["x" * (LONGEST - len("a 3d ")), "y" * (LONGEST - len("a 3d ") + 1)]
    long = replace(LEXICON, objects=tuple(Thing(name=name, group="long") for name in names))

    assert suggest(long, "") == [f"a 3d {names[0]}"]
