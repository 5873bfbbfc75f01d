import pytest

from bot.core.estimates import FIRST_GUESS, Estimates
from tests.core.examples import a_recipe


def test_an_unknown_model_takes_the_first_guess_for_each_picture() -> None:
    estimates = Estimates()

    assert not estimates.knows(a_recipe())
    assert estimates.milliseconds((a_recipe(), a_recipe())) == 2 * FIRST_GUESS


def test_the_first_picture_is_believed_whole() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 6.5)

    assert estimates.knows(a_recipe())
    assert estimates.milliseconds((a_recipe(),)) == pytest.approx(6500)
    assert estimates.milliseconds((a_recipe(), a_recipe())) == pytest.approx(13000)


def test_later_pictures_move_the_estimate_by_three_tenths() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 10)
    estimates.learn(a_recipe(), 20)

    assert estimates.milliseconds((a_recipe(),)) == pytest.approx(13000)


def test_time_grows_with_pixels_and_with_steps() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(width=128, height=128, num_inference_steps=9), 10)

    assert estimates.milliseconds((a_recipe(width=256, height=128, num_inference_steps=9),)) == pytest.approx(
        20000
    )
    assert estimates.milliseconds(
        (a_recipe(width=128, height=256, num_inference_steps=19),)
    ) == pytest.approx(40000)


def test_a_remix_costs_only_the_steps_that_it_runs() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(num_inference_steps=9), 10)

    assert estimates.milliseconds((a_recipe(num_inference_steps=10, strength=0.4),)) == pytest.approx(5000)


def test_models_are_learnt_apart() -> None:
    estimates = Estimates()
    estimates.learn(a_recipe(), 3)

    assert not estimates.knows(a_recipe(model="plain"))
    assert estimates.milliseconds((a_recipe(model="plain"), a_recipe())) == pytest.approx(FIRST_GUESS + 3000)


def test_a_measured_profile_is_believed_before_anything_was_made() -> None:
    estimates = Estimates(lambda recipe: 40.0 * recipe.num_inference_steps)

    assert estimates.knows(a_recipe())
    assert estimates.milliseconds((a_recipe(num_inference_steps=10),)) == pytest.approx(400)


def test_a_profile_is_corrected_by_what_pictures_took_in_truth() -> None:
    estimates = Estimates(lambda recipe: 40.0 * recipe.num_inference_steps)
    estimates.learn(a_recipe(num_inference_steps=10), 0.6)

    assert estimates.milliseconds((a_recipe(num_inference_steps=20),)) == pytest.approx(1200)


def test_what_was_learnt_without_a_profile_is_not_mixed_with_it() -> None:
    measured: list[float] = []
    estimates = Estimates(lambda _recipe: measured[0] if measured else None)
    estimates.learn(a_recipe(), 10)
    measured.append(400.0)

    assert estimates.milliseconds((a_recipe(),)) == pytest.approx(400)


def test_a_step_is_the_jobs_time_over_all_of_its_steps() -> None:
    estimates = Estimates(lambda _recipe: 600.0)

    assert estimates.step_milliseconds((a_recipe(num_inference_steps=12),) * 2) == pytest.approx(50)
