"""What diffusers' pipelines can do, read from their signatures: all of them, without weights."""

from typing import Any

import pytest
from diffusers import FluxPipeline, QwenImagePipeline, StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.pipelines.auto_pipeline import (
    AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
)

from bot.core.catalog import Capabilities
from bot.core.errors import UnsupportedError
from bot.engine.capabilities import accepted, call_arguments, check, find_capabilities, image_to_image_class
from tests.engine.examples import a_recipe, an_image

FAMILIES = dict(AUTO_TEXT2IMAGE_PIPELINES_MAPPING)
WITH_IMAGE_TO_IMAGE = set(AUTO_TEXT2IMAGE_PIPELINES_MAPPING) & set(AUTO_IMAGE2IMAGE_PIPELINES_MAPPING)


def families_that_can(feature: str) -> set[str]:
    return {name for name, cls in FAMILIES.items() if getattr(find_capabilities(cls), feature)}


def test_diffusers_knows_as_many_families_as_when_this_was_written_or_more() -> None:
    assert len(FAMILIES) >= 54
    assert len(AUTO_IMAGE2IMAGE_PIPELINES_MAPPING) >= 26
    assert len(FAMILIES) - len(WITH_IMAGE_TO_IMAGE) >= 31


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_a_recipe(family: str) -> None:
    arguments = call_arguments(accepted(FAMILIES[family]), a_recipe(), None)

    assert {"prompt", "width", "height", "output_type"} <= set(arguments)
    assert len(arguments) >= 5


@pytest.mark.parametrize("family", sorted(WITH_IMAGE_TO_IMAGE))
def test_every_image_to_image_family_takes_a_remix(family: str) -> None:
    cls = image_to_image_class(FAMILIES[family])
    assert cls is AUTO_IMAGE2IMAGE_PIPELINES_MAPPING[family]

    arguments = call_arguments(accepted(cls), a_recipe(strength=0.5), an_image())

    assert "image" in arguments
    assert ("strength" in arguments) == find_capabilities(FAMILIES[family]).strength


def test_image_to_image_is_found_for_exactly_the_families_that_diffusers_maps() -> None:
    assert families_that_can("image_to_image") == WITH_IMAGE_TO_IMAGE


def test_strength_is_missing_where_image_to_image_edits_instead() -> None:
    assert WITH_IMAGE_TO_IMAGE - families_that_can("strength") == {"flux-kontext", "flux2", "flux2-klein"}


def test_families_without_a_working_negative_prompt_are_found() -> None:
    without = set(FAMILIES) - families_that_can("negative_prompt")

    assert {"lcm", "flux", "flux2", "flux-control", "flux-controlnet", "glm_image"} <= without
    assert {"stable-diffusion", "stable-diffusion-xl", "qwenimage", "sana", "pixart-alpha"}.isdisjoint(
        without
    )


def test_every_family_tells_its_steps_in_one_way_or_the_other() -> None:
    assert families_that_can("step_callback") == set(FAMILIES)


def test_a_class_that_diffusers_does_not_map_has_no_image_to_image() -> None:
    class Homemade:
        def __call__(self, prompt: str) -> None: ...

    assert find_capabilities(Homemade) == Capabilities(
        image_to_image=False, strength=False, negative_prompt=False, step_callback=False
    )


CANNOT = {"image_to_image": False, "strength": False, "negative_prompt": False}


@pytest.mark.parametrize(
    ("asked", "can", "feature"),
    [
        ({"strength": 0.5}, CANNOT, "image_to_image"),
        ({"strength": 0.5}, CANNOT | {"image_to_image": True}, "strength"),
        ({"negative_prompt": "blur"}, CANNOT, "negative_prompt"),
    ],
)
def test_what_a_model_cannot_do_is_refused(asked: Any, can: dict[str, bool], feature: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        check(a_recipe(**asked), Capabilities(**can))

    assert (caught.value.model, caught.value.feature) == ("tiny", feature)


def test_what_a_model_can_do_is_let_through() -> None:
    check(a_recipe(strength=0.5, negative_prompt="blur"), Capabilities())
    check(a_recipe(), Capabilities(**CANNOT))


def test_an_empty_negative_prompt_is_left_out() -> None:
    # SDXL gives other pictures for "" than for None.
    assert "negative_prompt" not in call_arguments(accepted(StableDiffusionXLPipeline), a_recipe(), None)


def test_a_negative_prompt_is_passed_on() -> None:
    arguments = call_arguments(accepted(StableDiffusionPipeline), a_recipe(negative_prompt="blur"), None)

    assert arguments["negative_prompt"] == "blur"


def test_distilled_guidance_keeps_its_name() -> None:
    arguments = call_arguments(accepted(FluxPipeline), a_recipe(guidance_scale=3.5), None)

    assert arguments["guidance_scale"] == 3.5
    assert "true_cfg_scale" not in arguments


def test_qwen_image_is_guided_by_its_true_cfg_scale_and_a_blank_negative_prompt() -> None:
    arguments = call_arguments(accepted(QwenImagePipeline), a_recipe(guidance_scale=3.5), None)

    assert (arguments["true_cfg_scale"], arguments["negative_prompt"]) == (3.5, " ")
    assert "guidance_scale" not in arguments


def test_a_pipeline_with_a_prior_is_guided_there() -> None:
    arguments = call_arguments(accepted(FAMILIES["cascade"]), a_recipe(guidance_scale=3.5), None)

    assert arguments["prior_guidance_scale"] == 3.5


def test_a_pipeline_is_given_the_models_words_where_the_recipe_has_them() -> None:
    recipe = a_recipe(
        prompt="make it neon",
        negative_prompt="blur",
        model_prompt="a neon cat",
        model_negative_prompt="a dog",
    )

    arguments = call_arguments(accepted(StableDiffusionPipeline), recipe, None)

    assert (arguments["prompt"], arguments["negative_prompt"]) == ("a neon cat", "a dog")


def test_a_negative_prompt_of_which_the_model_knows_nothing_is_left_out() -> None:
    recipe = a_recipe(negative_prompt="blur", model_negative_prompt="")

    assert "negative_prompt" not in call_arguments(accepted(StableDiffusionPipeline), recipe, None)
