import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.lexicon import Lexicon, Reading
from bot.core.vocabulary import Match
from tests.core.examples import LEXICON

THINGS = st.sampled_from([thing.name for thing in LEXICON.objects])
STYLES = st.sampled_from([style.name for style in LEXICON.styles])
COLOURS = st.none() | st.sampled_from([colour.name for colour in LEXICON.colours])
SNIPPETS = st.sampled_from(
    [
        "a",
        "an",
        "on",
        "in",
        ",",
        "background",
        "red",
        "orange",
        "pencil",
        "sketch",
        "cats",
        "hot",
        "dog",
        "xyz",
    ]
)
PROMPTS = st.text() | st.lists(SNIPPETS).map(" ".join)
DATA: dict[str, Any] = {
    "objects": [{"name": "cat", "group": "animals", "keywords": ["kitten"]}, {"name": "sun", "group": "sky"}],
    "styles": [{"name": "3d", "form": "a 3d {}", "keywords": []}, {"name": "neon", "form": "a neon {}"}],
    "default_style": "3d",
    "colours": [{"name": "blue", "keywords": ["azure"]}],
    "background": "{} on a {} background",
}


def read(prompt: str, source_prompt: str | None = None) -> str:
    return LEXICON.read(prompt, source_prompt).prompt


@given(THINGS, STYLES, COLOURS)
def test_the_models_own_words_are_read_as_they_are(thing: str, style: str, colour: str | None) -> None:
    prompt = LEXICON.phrase(thing, style, colour)

    assert LEXICON.read(prompt) == Reading(
        prompt=prompt, thing=thing, style=style, colour=colour, match=Match.NAME, literal=True
    )


@given(PROMPTS, st.none() | PROMPTS)
def test_every_text_has_a_reading_that_reads_as_itself(prompt: str, source_prompt: str | None) -> None:
    reading = LEXICON.read(prompt, source_prompt)

    again = LEXICON.read(reading.prompt, source_prompt)

    assert (again.prompt, again.known) == (reading.prompt, reading.known)


@given(PROMPTS)
def test_a_negative_prompt_is_read_in_words_that_read_as_themselves(prompt: str) -> None:
    negative = LEXICON.read_negative(prompt)

    assert LEXICON.read_negative(negative) == negative


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat", "a 3d cat"),
        ("CATS!", "a 3d cat"),
        ("a unicorn in pixel art", "pixel art of a unicorn"),
        ("a pine tree", "a 3d pine tree"),
        ("a tree", "a 3d tree"),
        ("two cherries", "3d cherries"),
        ("a grape", "3d grapes"),
        ("a teddy bear beside a cat", "a 3d teddy bear"),
        ("a cat with a teddy bear", "a 3d cat"),
        ("a fluffy kitten", "a 3d cat"),
        ("a kitten in a car", "a 3d car"),
        ("an elefant", "a 3d elephant"),
        ("a unicron in a cab", "a 3d taxi"),
        ("some cars", "a 3d car"),
    ],
)
def test_the_first_thing_named_is_drawn_and_names_go_before_keywords_before_slips(
    prompt: str, expected: str
) -> None:
    assert read(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("neon cat", "a neon cat"),
        ("a cat, 8-bit", "pixel art of a cat"),
        ("a glowing cat", "a neon cat"),
        ("a sketch of a neon cat", "a neon cat"),
        ("a cartoom cat", "a cartoon cat"),
        ("a pencil", "a 3d pencil"),
        ("a neon pencil", "a neon pencil"),
        ("a pencil drawing of a cat", "a pencil sketch of a cat"),
        ("a cat in pencil", "a pencil sketch of a cat"),
        ("a pencil sketch of a pencil", "a pencil sketch of a pencil"),
    ],
)
def test_the_style_is_the_one_that_is_named(prompt: str, expected: str) -> None:
    assert read(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red car", "a 3d car"),
        ("a car on a red background", "a 3d car on a red background"),
        ("blue background, car", "a 3d car on a blue background"),
        ("a car on azure", "a 3d car on a blue background"),
        ("a car on white, please", "a 3d car on a white background"),
        ("a cat on blue wheels", "a 3d cat"),
        ("an orange", "a 3d orange"),
        ("orange on a blue background", "a 3d orange on a blue background"),
        ("an orange on orange", "a 3d orange on an orange background"),
        ("a cat on an orange background", "a 3d cat on an orange background"),
        ("an orange cat", "a 3d cat"),
        ("an orange kitten", "a 3d cat"),
    ],
)
def test_a_colour_counts_as_a_background_only(prompt: str, expected: str) -> None:
    assert read(prompt) == expected


@pytest.mark.parametrize(
    "prompt", ["a lighthouse at dusk", "one big night", "a blue light", "a photo of a plant", "neon", "", " "]
)
def test_a_prompt_that_names_no_thing_goes_to_the_model_as_it_is(prompt: str) -> None:
    assert LEXICON.read(prompt) == Reading(prompt=prompt.strip())


@pytest.mark.parametrize(
    ("prompt", "source_prompt", "expected"),
    [
        ("make it neon", "a cat", "a neon cat"),
        ("a pencil drawing", "a cat", "a pencil sketch of a cat"),
        ("on a red background", "a neon cat on a blue background", "a neon cat on a red background"),
        ("make it neon", "a cat on a blue background", "a neon cat on a blue background"),
        ("a car", "a neon cat", "a neon car"),
        ("", "a cartoon cat", "a cartoon cat"),
        ("", "a lighthouse", ""),
        ("make it neon", "a lighthouse", "make it neon"),
        ("make it neon", None, "make it neon"),
    ],
)
def test_what_a_remix_leaves_open_is_taken_from_its_source(
    prompt: str, source_prompt: str | None, expected: str
) -> None:
    assert read(prompt, source_prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "match"),
    [
        ("a neon cat", Match.NAME),
        ("a neon kitten", Match.KEYWORD),
        ("a glowing cat", Match.KEYWORD),
        ("a glowing elefant", Match.SPELLING),
        ("a lighthouse", None),
    ],
)
def test_a_reading_says_how_sure_it_is(prompt: str, match: Match | None) -> None:
    assert LEXICON.read(prompt).match is match


@pytest.mark.parametrize(
    "prompt", ["a cat", "Cats, please", "a picture of a cat", "draw a cat in neon style"]
)
def test_a_reading_that_leaves_nothing_out_is_literal(prompt: str) -> None:
    assert LEXICON.read(prompt).literal


@pytest.mark.parametrize(
    ("prompt", "source_prompt"),
    [("a sad cat", None), ("a kitten", None), ("an elefant", None), ("a red cat", None), ("neon", "a cat")],
)
def test_a_reading_that_guesses_or_leaves_something_out_is_not_literal(
    prompt: str, source_prompt: str | None
) -> None:
    assert not LEXICON.read(prompt, source_prompt).literal


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", ""),
        ("blurry, ugly, one extra toy", ""),
        ("blurry oranges", "an orange"),
        ("neon", "neon"),
        ("a neon cat", "a neon cat"),
        ("red background", "on a red background"),
        ("a cat on a red background", "a cat on a red background"),
    ],
)
def test_of_a_negative_prompt_only_what_is_known_by_name_stays(prompt: str, expected: str) -> None:
    assert LEXICON.read_negative(prompt) == expected


def test_a_lexicon_is_read_from_json() -> None:
    lexicon = Lexicon.from_json(json.dumps({**DATA, "made_by": "a newer version"}))

    assert lexicon.read("an azure backdrop, kitten").prompt == "a 3d cat on a blue background"
    assert [thing.group for thing in lexicon.objects] == ["animals", "sky"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "5", "{", "{}", "[" * 100_000,
        *(json.dumps({key: value for key, value in DATA.items() if key != gone}) for gone in DATA),
    ],
)  # fmt: skip
def test_text_that_is_no_lexicon_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a lexicon: "):
        Lexicon.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"objects": []},
        {"objects": [{"name": "cat"}]},
        {"objects": [{"name": " ", "group": "x"}]},
        {"objects": [{"name": 5, "group": "x"}]},
        {"objects": [{"name": "cat", "group": "x"}, {"name": "Cat", "group": "y"}]},
        {"objects": ["cat"]},
        {"objects": [{"name": "cat", "group": "x", "keywords": [5]}]},
        {"default_style": "oil"},
        {"styles": [{"name": "3d", "form": "a 3d thing"}]},
        {"background": "{} before it"},
    ],
)
def test_a_lexicon_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a lexicon: "):
        Lexicon.from_json(json.dumps(DATA | change))


def test_equal_lexicons_are_equal_and_can_be_keys() -> None:
    assert {LEXICON, replace(LEXICON)} == {LEXICON}


def test_braces_in_a_name_mean_nothing() -> None:
    odd = Lexicon.from_json(json.dumps(DATA | {"objects": [{"name": "cat {0}", "group": "x"}]}))

    assert odd.phrase("cat {0}", "neon", "blue") == "a neon cat {0} on a blue background"
