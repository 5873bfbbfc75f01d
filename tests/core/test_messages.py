"""Every error that a person may see has its own sentence, fit to be sent."""

import dataclasses
import itertools
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from bot.core import errors
from bot.core.errors import (
    AtelierError,
    BadImageError,
    BotPermissionError,
    ChannelNotServedError,
    ChoiceError,
    DeliveryError,
    EarlierError,
    JobOverError,
    NotYoursError,
    OptionError,
    PromptError,
    QueueFullError,
    SourceGoneError,
    StrengthsError,
    SyntaxProblemError,
    TooManyWaitingError,
    UnknownIdError,
    UnknownModelError,
)
from bot.core.messages import apology, explain, tell_reading
from bot.core.recipe import plan
from bot.core.requests import ImagineRequest, RemixRequest
from tests.core.examples import SOURCE, STARTER, TINY

MOST_CHARACTERS = 300
SAMPLES: dict[Any, Any] = {
    str: "SAMPLE",
    int: 17,
    float: 2.5,
    bool: True,
    int | str: 17,
    int | None: 17,
    tuple[str, ...]: ("ALPHA", "BETA"),
    tuple[int, ...]: (17, 18),
}
SPECIAL = [
    PromptError(0, 1000),
    OptionError("strength", 1.5, 0, 1, exclusive_low=False),
    DeliveryError(413, 11_000_000, 10_485_760),
    DeliveryError(413, 9_000_000, 10_485_760),
    DeliveryError(0),
    # These two are told apart by their count alone.
    StrengthsError("too_few", count=1),
    StrengthsError("too_many", count=10),
    # It was a whole sentence when it was written down.
    EarlierError("Sorry, that went wrong on my side."),
]
_EXAMPLED = {("StrengthsError", "too_few"), ("StrengthsError", "too_many")}


def subclasses(kind: type[AtelierError]) -> Iterator[type[AtelierError]]:
    """All classes below `kind` that `bot/core/errors.py` defines."""
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
            yield from subclasses(below)


ALL = list(subclasses(AtelierError))
GROUPS = [AtelierError, *(kind for kind in ALL if kind.__subclasses__())]
CONCRETE = [kind for kind in ALL if kind not in (*GROUPS, EarlierError)]


def samples(kind: type[AtelierError]) -> Iterator[AtelierError]:
    """One error for each combination of its reasons, every field filled with something to be seen."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    choices = [
        typing.get_args(hints[name]) if typing.get_origin(hints[name]) is Literal else (SAMPLES[hints[name]],)
        for name in names
    ]
    for values in itertools.product(*choices):
        if not _EXAMPLED & {(kind.__name__, value) for value in values}:
            yield kind(**dict(zip(names, values, strict=True)))


EVERY = [*(error for kind in CONCRETE for error in samples(kind)), *SPECIAL]


def fallbacks() -> set[str]:
    """What an error that was forgotten would be told as."""
    return {explain(types.new_class("Forgotten", (kind,))()) for kind in GROUPS}


def test_the_tree_at_the_top_of_the_errors_names_every_class() -> None:
    assert errors.__doc__
    named = set(errors.__doc__.replace("(", " ").split())

    assert {kind.__name__ for kind in ALL} <= named


@pytest.mark.parametrize("error", EVERY, ids=repr)
def test_every_error_has_a_sentence_of_its_own(error: AtelierError) -> None:
    assert explain(error) not in fallbacks()


@pytest.mark.parametrize("error", EVERY, ids=repr)
def test_every_sentence_is_whole_and_short(error: AtelierError) -> None:
    sentence = explain(error)

    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence.startswith(("`", "17 "))
    assert len(sentence) <= MOST_CHARACTERS
    assert not any(rest in sentence for rest in ("{", "}", "None", "Error(", "<bound", "()", "  "))


def test_no_two_errors_share_a_sentence() -> None:
    sentences = [explain(error) for error in EVERY]

    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("kind", GROUPS)
def test_even_a_forgotten_error_is_told_as_a_sentence(kind: type[AtelierError]) -> None:
    assert explain(types.new_class("Forgotten", (kind,))()).endswith(".")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PromptError(1001, 1000), "The prompt has 1,001 characters; 1,000 are allowed."),
        (OptionError("seed", 2**32, 0, 2**32 - 1), "`seed` is 4294967296; it takes 0 to 4294967295."),
        (
            OptionError("strength", 0.0, 0, 1, exclusive_low=True),
            "`strength` is 0; it takes above 0 and at most 1.",
        ),
        (
            ChoiceError("aspect", "5:4", ("1:1", "2:3", "3:2")),
            "`aspect` is `5:4`; it takes `1:1`, `2:3` or `3:2`.",
        ),
        (ChoiceError("aspect", " ", ("1:1",)), "`aspect` is empty; it takes `1:1`."),
        (UnknownModelError("x", ("tiny",)), "There is no model `x` here; there is `tiny`."),
        (StrengthsError("too_few", count=1), "A ladder takes 2 to 9 strengths; that is 1."),
        (
            BadImageError("side_too_long", 30_000, 16_384),
            "That picture is 30,000 pixels long; a side may have 16,384.",
        ),
        (
            BadImageError("unsupported_format", "PSD"),
            "PSD pictures are not taken; PNG, JPEG, WebP, GIF, BMP and TIFF are.",
        ),
        (BadImageError("too_many_bytes", "over 9", 8), "That file has over 9 bytes; 8 are allowed."),
        (SourceGoneError("generation", "7K3QW9ZD"), "The generation 7K3QW9ZD is no longer there."),
        (SourceGoneError("generation"), "The generation is no longer there."),
        (SourceGoneError("picture", "cat.png"), "The picture is no longer there."),
        (JobOverError("7K3QW9ZD", "done"), "That job is over already (done)."),
        (
            TooManyWaitingError(1, 0.2),
            "You have 1 job on the way already, as many as one person may; the next is free in about 1 s.",
        ),
        (
            TooManyWaitingError(3, 89.4),
            "You have 3 jobs on the way already, as many as one person may; the next is free in about 89 s.",
        ),
        (QueueFullError(100, 89.6), "The queue is full (100 jobs); try again in about 2 min."),
        (QueueFullError(100, 600), "The queue is full (100 jobs); try again in about 10 min."),
        (NotYoursError("pick"), "Only its owner may pick a tile of this ladder."),
        (NotYoursError("delete"), "Only its owner or a moderator may delete this picture."),
        (ChannelNotServedError((17,)), "I answer in <#17> only."),
        (ChannelNotServedError((17, 18, 19)), "I answer in <#17>, <#18> or <#19> only."),
        (
            BotPermissionError(("Attach Files",)),
            "I lack the permission Attach Files in this channel; an admin can grant that.",
        ),
        (
            BotPermissionError(("View Channel", "Attach Files", "Embed Links"), 17),
            (
                "I lack the permissions View Channel, Attach Files and Embed Links in <#17>; "
                "an admin can grant that."
            ),
        ),
    ],
)
def test_a_sentence_says_what_was_found_and_what_is_allowed(error: AtelierError, expected: str) -> None:
    assert explain(error) == expected


HOSTILE = "`@everyone` [x](https://example.org) " * 200


@pytest.mark.parametrize(
    "error",
    [
        ChoiceError("aspect", HOSTILE, ("1:1", "2:3")),
        SyntaxProblemError("seed", HOSTILE, "a whole number"),
        UnknownModelError(HOSTILE, ("tiny",)),
        UnknownIdError(HOSTILE),
        StrengthsError("not_a_number", HOSTILE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_person_typed_is_quoted_short_and_cannot_ping(error: AtelierError) -> None:
    sentence = explain(error)

    assert len(sentence) <= MOST_CHARACTERS
    assert "@everyone" in sentence
    inside_code = sentence.split("`")[1::2]
    assert any("@everyone" in code for code in inside_code)
    assert not any("@everyone" in text for text in sentence.split("`")[::2])


def test_an_apology_names_the_place_in_the_log() -> None:
    assert "`1a2b3c4d`" in apology("1a2b3c4d")


def test_an_error_shows_its_data_in_the_log() -> None:
    assert str(PromptError(0, 1000)) == "PromptError(length=0, limit=1000)"


NAMES_NONE = (
    "starter draws 20 things in 5 styles, such as a 3d cat, a pencil sketch of a tree and a neon orange on a "
    "white background, and this prompt names none of them; for everything else choose another model."
)


@pytest.mark.parametrize(
    ("prompt", "negative", "expected"),
    [
        ("a cat", "", []),
        ("Cats!", "cars", []),
        ("a neon cat on a red background", "", []),
        ("a red kitten", "", ["starter drew: a 3d cat"]),
        ("an elefant", "", ["starter drew: a 3d elephant"]),
        ("a cat in a car", "", ["starter drew: a 3d cat"]),
        ("a lighthouse", "", [NAMES_NONE]),
        ("a cat", "blurry", ["starter knows nothing of what the negative prompt names."]),
    ],
)
def test_what_was_made_of_a_prompt_is_told_where_it_does_not_go_without_saying(
    prompt: str, negative: str, expected: list[str]
) -> None:
    [recipe] = plan(ImagineRequest(prompt=prompt, negative_prompt=negative), STARTER, seed=0)

    assert tell_reading(recipe, STARTER, None) == expected


def test_what_a_remix_took_from_its_source_is_told() -> None:
    source = dataclasses.replace(SOURCE, prompt="a cat")
    [recipe] = plan(RemixRequest(prompt="neon", source=source), STARTER, seed=0)

    assert tell_reading(recipe, STARTER, source) == ["starter drew: a neon cat"]


def test_of_a_remix_without_a_prompt_nothing_is_said_to_be_unknown() -> None:
    [recipe] = plan(RemixRequest(prompt="", source=SOURCE), STARTER, seed=0)

    assert tell_reading(recipe, STARTER, SOURCE) == []


def test_a_model_that_left_the_catalogue_still_says_what_it_drew() -> None:
    [recipe] = plan(ImagineRequest(prompt="a kitten"), STARTER, seed=0)

    assert tell_reading(recipe, None, None) == ["starter drew: a 3d cat"]


def test_a_model_that_reads_any_prompt_tells_nothing() -> None:
    [recipe] = plan(ImagineRequest(prompt="a kitten", negative_prompt="blurry"), TINY, seed=0)

    assert tell_reading(recipe, TINY, None) == []
