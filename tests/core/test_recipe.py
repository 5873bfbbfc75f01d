import json
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.catalog import Capabilities
from bot.core.errors import OptionError, SizeError, UnsupportedError
from bot.core.recipe import Recipe, plan
from bot.core.requests import MAX_SEED, Aspect, ImagineRequest, LadderRequest, RemixRequest
from tests.core.examples import PLAIN, RECIPE, SOURCE, STARTER, TINY

RECIPES = st.builds(Recipe)
"""From the fields' own types."""


@given(RECIPES)
def test_a_recipe_comes_back_from_its_text(recipe: Recipe) -> None:
    assert repr(Recipe.from_json(recipe.to_json())) == repr(recipe)  # repr: nan is not nan


@given(RECIPES)
def test_equal_recipes_give_equal_text(recipe: Recipe) -> None:
    assert replace(recipe).to_json() == recipe.to_json()


def test_the_text_is_compact_sorted_and_readable() -> None:
    text = replace(RECIPE, prompt="ein Fähnchen").to_json()

    assert list(json.loads(text)) == sorted(json.loads(text))
    assert '"prompt":"ein Fähnchen"' in text
    assert ": " not in text


def test_keys_from_a_newer_version_are_passed_over() -> None:
    text = json.dumps({**json.loads(RECIPE.to_json()), "loras": ["x"]})

    assert Recipe.from_json(text) == RECIPE


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", "{}", '{"model": "tiny"}'])
def test_text_that_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a recipe: "):
        Recipe.from_json(text)


def test_a_recipe_with_a_strength_is_a_remix() -> None:
    assert replace(RECIPE, strength=0.5).is_remix
    assert not RECIPE.is_remix


def test_what_the_request_leaves_out_comes_from_the_model() -> None:
    [recipe] = plan(ImagineRequest(prompt=" a fox "), PLAIN, seed=7)

    assert recipe == Recipe(
        model="Plain",
        revision="main",
        prompt="a fox",
        negative_prompt="",
        width=512,
        height=512,
        num_inference_steps=25,
        guidance_scale=7.5,
        seed=7,
        scheduler="DDIMScheduler",
    )


def test_what_the_request_says_wins() -> None:
    request = ImagineRequest(
        prompt="a fox",
        negative_prompt=" blurry ",
        size=(256, 192),
        aspect=Aspect.WIDE,
        num_inference_steps=100,
        guidance_scale=30.0,
        seed=0,
    )

    [recipe] = plan(request, PLAIN, seed=7)

    assert (recipe.negative_prompt, recipe.width, recipe.height) == ("blurry", 256, 192)
    assert (recipe.num_inference_steps, recipe.guidance_scale, recipe.seed) == (100, 30.0, 0)


def test_pictures_of_one_request_differ_in_their_seed_alone() -> None:
    recipes = plan(ImagineRequest(prompt="a fox", count=4, seed=MAX_SEED - 1), TINY, seed=0)

    assert [recipe.seed for recipe in recipes] == [MAX_SEED - 1, MAX_SEED, 0, 1]
    assert len({replace(recipe, seed=0) for recipe in recipes}) == 1


def test_an_aspect_gives_the_models_size_for_it() -> None:
    [recipe] = plan(ImagineRequest(prompt="a fox", aspect=Aspect.LANDSCAPE), PLAIN, seed=0)

    assert (recipe.width, recipe.height) == (624, 416)


def test_a_remix_keeps_its_sources_shape_unless_an_aspect_is_given() -> None:
    source = replace(SOURCE, width=3000, height=2000)
    request = RemixRequest(prompt="", source=source)

    assert [(r.width, r.height) for r in plan(request, PLAIN, seed=0)] == [(624, 416)]
    square = replace(request, aspect=Aspect.SQUARE)
    assert [(r.width, r.height) for r in plan(square, PLAIN, seed=0)] == [(512, 512)]


def test_a_remix_names_its_source_and_raises_the_steps_where_none_would_be_left() -> None:
    request = RemixRequest(prompt="", source=SOURCE, strength=0.05, count=2, seed=5)

    recipes = plan(request, TINY, seed=0)

    assert [(r.strength, r.num_inference_steps, r.source_sha256, r.seed) for r in recipes] == [
        (0.05, 20, SOURCE.sha256, 5),
        (0.05, 20, SOURCE.sha256, 6),
    ]


def test_a_few_step_model_runs_its_minimum() -> None:
    turbo = replace(TINY, num_inference_steps=4, max_steps=8, min_run_steps=2)

    [recipe] = plan(RemixRequest(prompt="", source=SOURCE, strength=0.25), turbo, seed=0)

    assert recipe.num_inference_steps == 8


def test_all_tiles_of_a_ladder_share_one_seed() -> None:
    request = LadderRequest(prompt="", source=SOURCE, strengths=(0.7, 0.02), count=3)

    recipes = plan(request, TINY, seed=9)

    assert [(r.strength, r.num_inference_steps, r.seed) for r in recipes] == [(0.7, 12, 9), (0.02, 50, 9)]
    assert {r.source_sha256 for r in recipes} == {SOURCE.sha256}


@pytest.mark.parametrize("steps", [0, 101])
def test_steps_outside_the_models_range_are_refused_with_the_range(steps: int) -> None:
    with pytest.raises(OptionError) as caught:
        plan(ImagineRequest(prompt="a fox", num_inference_steps=steps), TINY, seed=0)

    assert astuple(caught.value)[:4] == ("steps", steps, 1, 100)


@pytest.mark.parametrize("steps", [1, 100])
def test_the_ends_of_the_range_of_steps_are_good(steps: int) -> None:
    [recipe] = plan(ImagineRequest(prompt="a fox", num_inference_steps=steps), TINY, seed=0)

    assert recipe.num_inference_steps == steps


def test_a_remix_may_ask_for_as_many_steps_as_its_strength_needs() -> None:
    turbo = replace(TINY, num_inference_steps=4, max_steps=8)

    [recipe] = plan(
        RemixRequest(prompt="", source=SOURCE, strength=0.1, num_inference_steps=10), turbo, seed=0
    )
    assert recipe.num_inference_steps == 10

    with pytest.raises(OptionError) as caught:
        plan(RemixRequest(prompt="", source=SOURCE, strength=0.1, num_inference_steps=11), turbo, seed=0)
    assert caught.value.high == 10


@pytest.mark.parametrize("guidance", [-0.1, 30.1, float("inf")])
def test_guidance_outside_the_models_range_is_refused_with_the_range(guidance: float) -> None:
    with pytest.raises(OptionError) as caught:
        plan(ImagineRequest(prompt="a fox", guidance_scale=guidance), TINY, seed=0)

    assert astuple(caught.value)[:4] == ("guidance", guidance, 0, 30.0)


def test_guidance_that_is_no_number_is_refused() -> None:
    with pytest.raises(OptionError, match="guidance"):
        plan(ImagineRequest(prompt="a fox", guidance_scale=float("nan")), TINY, seed=0)


@pytest.mark.parametrize("guidance", [0.0, 30.0])
def test_the_ends_of_the_range_of_guidance_are_good(guidance: float) -> None:
    [recipe] = plan(ImagineRequest(prompt="a fox", guidance_scale=guidance), TINY, seed=0)

    assert recipe.guidance_scale == guidance


@pytest.mark.parametrize("aspect", Aspect)
def test_a_remix_of_a_remix_keeps_the_size(aspect: Aspect) -> None:
    made = plan(ImagineRequest(prompt="a fox", aspect=aspect), TINY, seed=0)[0]
    source = replace(SOURCE, width=made.width, height=made.height)

    remix = plan(RemixRequest(prompt="a fox", source=source), TINY, seed=0)[0]

    assert (remix.width, remix.height) == (made.width, made.height)


@pytest.mark.parametrize("side", [64, 256])
def test_a_source_far_from_the_native_size_is_brought_to_it(side: int) -> None:
    remix = plan(RemixRequest(prompt="a fox", source=replace(SOURCE, width=side, height=side)), TINY, seed=0)[
        0
    ]

    assert (remix.width, remix.height) == (128, 128)


def test_a_size_that_the_model_cannot_make_is_refused() -> None:
    with pytest.raises(SizeError):
        plan(ImagineRequest(prompt="a fox", size=(130, 128)), TINY, seed=0)


@pytest.mark.parametrize("feature", ["image_to_image", "strength"])
def test_a_remix_is_refused_by_a_model_that_cannot(feature: str) -> None:
    spec = replace(TINY, capabilities=Capabilities(**{feature: False}))

    with pytest.raises(UnsupportedError) as caught:
        plan(RemixRequest(prompt="", source=SOURCE), spec, seed=0)

    assert (caught.value.model, caught.value.feature) == ("tiny", feature)


def test_a_picture_from_a_prompt_needs_neither() -> None:
    spec = replace(TINY, capabilities=Capabilities(image_to_image=False, strength=False))

    assert plan(ImagineRequest(prompt="a fox"), spec, seed=0)


def test_a_negative_prompt_is_refused_by_a_model_that_takes_none() -> None:
    spec = replace(TINY, capabilities=Capabilities(negative_prompt=False))

    assert plan(ImagineRequest(prompt="a fox", negative_prompt=" "), spec, seed=0)
    with pytest.raises(UnsupportedError) as caught:
        plan(ImagineRequest(prompt="a fox", negative_prompt="blurry"), spec, seed=0)
    assert (caught.value.model, caught.value.feature) == ("tiny", "negative_prompt")


def test_a_model_that_was_never_loaded_is_given_the_benefit_of_the_doubt() -> None:
    assert TINY.capabilities is None
    assert plan(RemixRequest(prompt="", negative_prompt="blurry", source=SOURCE), TINY, seed=0)


def test_a_model_that_can_all_refuses_nothing() -> None:
    spec = replace(TINY, capabilities=Capabilities())

    assert plan(RemixRequest(prompt="", negative_prompt="blurry", source=SOURCE), spec, seed=0)


def test_a_model_of_few_words_is_given_its_own_words_beside_what_the_user_wrote() -> None:
    request = ImagineRequest(prompt=" A fluffy kitten! ", negative_prompt="blurry, cars", count=2)

    recipes = plan(request, STARTER, seed=0)

    assert {(r.prompt, r.model_prompt) for r in recipes} == {("A fluffy kitten!", "a 3d cat")}
    assert {(r.negative_prompt, r.model_negative_prompt) for r in recipes} == {("blurry, cars", "a car")}
    assert (recipes[0].given_prompt, recipes[0].given_negative_prompt) == ("a 3d cat", "a car")


@pytest.mark.parametrize(("prompt", "negative"), [("a 3d cat", "a car"), ("a lighthouse", "")])
def test_what_needs_no_other_words_is_recorded_once(prompt: str, negative: str) -> None:
    [recipe] = plan(ImagineRequest(prompt=prompt, negative_prompt=negative), STARTER, seed=0)

    assert (recipe.model_prompt, recipe.model_negative_prompt) == (None, None)
    assert (recipe.given_prompt, recipe.given_negative_prompt) == (prompt, negative)


def test_of_a_negative_prompt_that_the_model_does_not_know_nothing_is_given() -> None:
    [recipe] = plan(ImagineRequest(prompt="a cat", negative_prompt="blurry"), STARTER, seed=0)

    assert (recipe.negative_prompt, recipe.given_negative_prompt) == ("blurry", "")


@pytest.mark.parametrize("kind", [RemixRequest, LadderRequest])
def test_a_remix_draws_the_thing_of_its_source(kind: type[RemixRequest]) -> None:
    source = replace(SOURCE, prompt="a cat on red")

    recipes = plan(kind(prompt="make it neon", source=source), STARTER, seed=0)

    assert {recipe.given_prompt for recipe in recipes} == {"a neon cat on a red background"}


def test_a_remix_of_a_remix_knows_what_its_source_was_drawn_from() -> None:
    source = replace(SOURCE, prompt="make it neon", model_prompt="a neon cat")

    [recipe] = plan(RemixRequest(prompt="on a red background", source=source), STARTER, seed=0)

    assert recipe.given_prompt == "a neon cat on a red background"


def test_any_other_model_is_given_what_the_user_wrote() -> None:
    [recipe] = plan(ImagineRequest(prompt="a kitten", negative_prompt="blurry"), TINY, seed=0)

    assert (recipe.given_prompt, recipe.given_negative_prompt) == ("a kitten", "blurry")
    assert (recipe.model_prompt, recipe.model_negative_prompt) == (None, None)


def test_a_recipe_from_before_there_were_two_prompts_can_be_read() -> None:
    old = {k: v for k, v in json.loads(RECIPE.to_json()).items() if not k.startswith("model_")}

    assert Recipe.from_json(json.dumps(old)) == RECIPE
