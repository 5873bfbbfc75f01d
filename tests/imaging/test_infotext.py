from dataclasses import replace

import pytest

from bot.imaging.infotext import prompt_in, write_infotext
from tests.imaging.samples import RECIPE

A1111 = """portrait of a cat, (detailed:1.2)
second line
Negative prompt: blurry, lowres
ugly
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x512, Model: "a, b"
Template: a cat"""


def test_a_remix_is_written_as_webui_does() -> None:
    assert write_infotext(RECIPE, "1.2.3") == (
        "a lighthouse at dusk\n"
        "Negative prompt: people\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 4294967295, Size: 48x32, Model: tiny, "
        "Denoising strength: 0.6, Version: Atelier 1.2.3"
    )


def test_what_is_empty_takes_no_line() -> None:
    recipe = replace(RECIPE, prompt="", negative_prompt="", strength=None, guidance_scale=7.0)
    assert write_infotext(recipe, "1") == (
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 4294967295, Size: 48x32, Model: tiny, "
        "Version: Atelier 1"
    )


@pytest.mark.parametrize(
    ("scheduler", "sampler"),
    [
        ("EulerDiscreteScheduler", "Euler"),
        ("PNDMScheduler", "PLMS"),
        ("DPMSolverMultistepScheduler", "DPM++ 2M"),
        ("SomeNewScheduler", "SomeNewScheduler"),
        (None, "Unknown"),
    ],
)
def test_schedulers_get_webuis_names_where_it_has_them(scheduler: str | None, sampler: str) -> None:
    assert f"Sampler: {sampler}, " in write_infotext(replace(RECIPE, scheduler=scheduler), "1")


def test_values_with_marks_of_the_format_are_quoted() -> None:
    assert r'Model: "a, \"b\": é", ' in write_infotext(replace(RECIPE, model='a, "b": é'), "1")


def test_the_prompt_ends_at_the_negative_prompt() -> None:
    assert prompt_in(A1111) == "portrait of a cat, (detailed:1.2)\nsecond line"


def test_the_prompt_ends_at_the_parameters_where_there_is_no_negative_prompt() -> None:
    assert prompt_in("a cat\nSteps: 1, Sampler: Euler") == "a cat"


def test_a_prompt_that_quotes_a_line_of_parameters_is_read_whole() -> None:
    assert prompt_in("see\nSteps: 9, yes\nSteps: 1, Sampler: Euler") == "see\nSteps: 9, yes"


def test_an_empty_prompt_is_read_as_empty() -> None:
    assert prompt_in("Negative prompt: blurry\nSteps: 1, Sampler: Euler") == ""


@pytest.mark.parametrize("text", ["", "a cat", '{"prompt": "a cat"}', "\n" * 1000])
def test_a_text_without_parameters_has_no_prompt(text: str) -> None:
    assert prompt_in(text) is None


def test_what_the_model_was_given_is_a_parameter_and_the_prompt_stays_the_users() -> None:
    text = write_infotext(replace(RECIPE, model_prompt="a neon cat, on red"), "1")
    assert prompt_in(text) == RECIPE.prompt
    assert ', Model prompt: "a neon cat, on red", Version' in text
