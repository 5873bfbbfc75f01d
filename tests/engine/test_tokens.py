"""The part of a prompt that the model never sees."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from transformers import CLIPTokenizer

from bot.engine.tokens import prompt_cut

ROOM = 254
"""Letters that the tiny model reads: 256 tokens, less start and end."""


@pytest.fixture(scope="module")
def letters(tiny: Path) -> Any:
    return CLIPTokenizer.from_pretrained(tiny / "tokenizer")


def pipeline_of(cls: type, **components: Any) -> Any:
    return type("Bare", (), {"__call__": cls.__call__, "components": components})()


def shorter(letters: Any, length: int) -> Any:
    other = CLIPTokenizer.from_pretrained(letters.name_or_path)
    other.model_max_length = length
    return other


def test_a_prompt_that_fits_exactly_is_not_cut(letters: Any) -> None:
    assert prompt_cut(pipeline_of(StableDiffusionPipeline, tokenizer=letters), "a" * ROOM) == ""


def test_the_letters_beyond_the_limit_are_named(letters: Any) -> None:
    assert prompt_cut(pipeline_of(StableDiffusionPipeline, tokenizer=letters), "a" * ROOM + "bc") == "bc"


def test_of_two_tokenizers_the_longer_one_counts(letters: Any) -> None:
    pipeline = pipeline_of(StableDiffusionXLPipeline, tokenizer=shorter(letters, 8), tokenizer_2=letters)

    assert prompt_cut(pipeline, "a" * ROOM) == ""
    assert prompt_cut(pipeline, "a" * ROOM + "b") == "b"


def test_the_pipeline_s_own_limit_counts_below_the_tokenizer_s(letters: Any) -> None:
    class Short:
        components: dict[str, Any] = {"tokenizer": letters}  # noqa: RUF012 - as a pipeline has it

        def __call__(self, prompt: str, max_sequence_length: int = 10) -> None: ...

    assert prompt_cut(Short(), "abcdefghij") == "ij"


def test_a_pipeline_without_tokenizers_cuts_nothing() -> None:
    components = {"tokenizer": None, "vae": SimpleNamespace(model_max_length=1)}

    assert prompt_cut(pipeline_of(StableDiffusionPipeline, **components), "a" * 999) == ""
