from dataclasses import astuple
from typing import Any

import pytest

from bot.core.errors import OptionError, PromptError, StrengthsError
from bot.core.requests import (
    MAX_COUNT,
    MAX_PROMPT,
    MAX_SEED,
    Aspect,
    ImagineRequest,
    Kind,
    LadderRequest,
    RemixRequest,
)
from tests.core.examples import SOURCE


def test_each_request_is_of_its_kind() -> None:
    assert ImagineRequest(prompt="a fox").kind is Kind.IMAGINE
    assert RemixRequest(prompt="a fox", source=SOURCE).kind is Kind.REMIX
    assert LadderRequest(prompt="a fox", source=SOURCE).kind is Kind.LADDER


def test_what_is_left_out_is_the_models_matter() -> None:
    request = RemixRequest(prompt="a fox", source=SOURCE)

    assert (request.seed, request.num_inference_steps, request.guidance_scale, request.model) == (None,) * 4
    assert (request.negative_prompt, request.aspect, request.size, request.count) == ("", None, None, 1)
    assert request.strength == 0.6


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_a_picture_from_nothing_needs_a_prompt(prompt: str) -> None:
    with pytest.raises(PromptError) as caught:
        ImagineRequest(prompt=prompt)

    assert (caught.value.length, caught.value.limit) == (0, MAX_PROMPT)


def test_a_picture_from_a_picture_needs_no_prompt() -> None:
    assert RemixRequest(prompt="", source=SOURCE).prompt == ""
    assert LadderRequest(prompt="", source=SOURCE).prompt == ""


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_a_prompt_may_have_so_many_characters_and_no_more(field: str) -> None:
    def a_request(length: int) -> ImagineRequest:
        fields: dict[str, Any] = {"prompt": "a fox", field: "x" * length}
        return ImagineRequest(**fields)

    a_request(MAX_PROMPT)

    with pytest.raises(PromptError) as caught:
        a_request(MAX_PROMPT + 1)
    assert (caught.value.length, caught.value.limit) == (MAX_PROMPT + 1, MAX_PROMPT)


@pytest.mark.parametrize(
    ("option", "good", "bad", "span"),
    [
        ("count", (1, MAX_COUNT), (0, MAX_COUNT + 1), (1, 4)),
        ("seed", (0, MAX_SEED), (-1, MAX_SEED + 1), (0, 2**32 - 1)),
    ],
)
def test_an_option_outside_its_range_is_refused_with_the_range(
    option: str, good: tuple[int, ...], bad: tuple[int, ...], span: tuple[int, int]
) -> None:
    for value in good:
        assert getattr(ImagineRequest(prompt="a fox", **{option: value}), option) == value  # type: ignore[arg-type] # by name
    for value in bad:
        with pytest.raises(OptionError) as caught:
            ImagineRequest(prompt="a fox", **{option: value})  # type: ignore[arg-type] # by name
        assert astuple(caught.value)[:4] == (option, value, *span)


def test_a_remix_is_checked_as_every_request_and_for_its_strength() -> None:
    with pytest.raises(OptionError, match="count"):
        RemixRequest(prompt="", source=SOURCE, count=0)
    with pytest.raises(OptionError, match="strength"):
        RemixRequest(prompt="", source=SOURCE, strength=0)


def test_a_ladder_is_checked_as_a_remix_and_for_its_strengths() -> None:
    with pytest.raises(OptionError, match="seed"):
        LadderRequest(prompt="", source=SOURCE, seed=-1)
    with pytest.raises(OptionError, match="strength"):
        LadderRequest(prompt="", source=SOURCE, strength=2)
    with pytest.raises(StrengthsError):
        LadderRequest(prompt="", source=SOURCE, strengths=(0.5,))


@pytest.mark.parametrize(
    ("aspect", "ratio"),
    [("1:1", 1.0), ("2:3", 2 / 3), ("3:2", 1.5), ("9:16", 9 / 16), ("16:9", 16 / 9)],
)
def test_an_aspect_is_width_to_height(aspect: str, ratio: float) -> None:
    assert Aspect(aspect).ratio == ratio
