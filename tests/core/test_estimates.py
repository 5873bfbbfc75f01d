import pytest

from bot.core.estimates import FIRST_GUESS, Estimates
from tests.core.examples import a_recipe


def test_an_unknown_model_takes_the_first_guess_for_each_picture() -> None:
    estimates = Estimates()

    assert not estimates.knows("tiny")
    assert estimates.seconds((a_recipe(), a_recipe())) == 2 * FIRST_GUESS


def test_the_first_picture_is_believed_whole() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 6.5)

    assert estimates.knows("tiny")
    assert estimates.seconds((a_recipe(),)) == pytest.approx(6.5)
    assert estimates.seconds((a_recipe(), a_recipe())) == pytest.approx(13)


def test_later_pictures_move_the_estimate_by_three_tenths() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 10)
    estimates.learn(a_recipe(), 20)

    assert estimates.seconds((a_recipe(),)) == pytest.approx(13)


def test_time_grows_with_pixels_and_with_steps() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(width=128, height=128, num_inference_steps=9), 10)

    assert estimates.seconds((a_recipe(width=256, height=128, num_inference_steps=9),)) == pytest.approx(20)
    assert estimates.seconds((a_recipe(width=128, height=256, num_inference_steps=19),)) == pytest.approx(40)


def test_a_remix_costs_only_the_steps_that_it_runs() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(num_inference_steps=9), 10)

    assert estimates.seconds((a_recipe(num_inference_steps=10, strength=0.4),)) == pytest.approx(5)


def test_models_are_learnt_apart() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 3)

    assert not estimates.knows("plain")
    assert estimates.seconds((a_recipe(model="plain"), a_recipe())) == pytest.approx(FIRST_GUESS + 3)
