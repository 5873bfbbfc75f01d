import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core.errors import OptionError, StrengthsError
from bot.core.strength import (
    DEFAULT_LADDER,
    MOST_STEPS,
    check_ladder,
    check_strength,
    parse_strengths,
    raise_steps,
    steps_run,
)

STRENGTHS = st.floats(0, 1, exclude_min=True)
STEPS = st.integers(1, 150)


def timesteps_left(num_inference_steps: int, strength: float) -> list[int]:
    """What `StableDiffusionImg2ImgPipeline.get_timesteps` leaves of the timesteps, line by line."""
    timesteps = list(range(num_inference_steps))
    init_timestep = min(int(num_inference_steps * strength), num_inference_steps)
    t_start = max(num_inference_steps - init_timestep, 0)
    return timesteps[t_start:]


@given(STEPS, STRENGTHS)
def test_the_steps_run_are_those_that_diffusers_leaves(steps: int, strength: float) -> None:
    assert steps_run(steps, strength) == len(timesteps_left(steps, strength))


@given(STEPS, st.floats(0.01, 1), st.integers(1, 8))
def test_steps_are_raised_to_the_least_count_that_runs_enough(
    steps: int, strength: float, minimum: int
) -> None:
    raised = raise_steps(steps, strength, minimum)

    enough = [n for n in range(steps, raised + 1) if len(timesteps_left(n, strength)) >= minimum]
    assert enough == [raised]


@pytest.mark.parametrize(
    ("steps", "strength", "expected"), [(25, 0.6, 25), (12, 1.0, 12), (2, 0.3, 4), (4, 0.01, 100), (1, 1, 1)]
)
def test_one_step_is_enough_where_nothing_is_said(steps: int, strength: float, expected: int) -> None:
    assert raise_steps(steps, strength) == expected


def test_the_lowest_strength_takes_as_many_steps_as_a_scheduler_has() -> None:
    assert raise_steps(12, 1 / MOST_STEPS) == MOST_STEPS


@pytest.mark.parametrize("strength", [1 / 1001, 1e-9, 5e-324])
def test_a_strength_too_low_for_any_step_count_is_refused_at_once(strength: float) -> None:
    with pytest.raises(OptionError) as caught:
        raise_steps(12, strength)

    assert (caught.value.option, caught.value.value) == ("strength", strength)
    assert (caught.value.low, caught.value.high) == (0.001, 1)


def test_the_lowest_strength_of_a_few_step_model_is_higher() -> None:
    with pytest.raises(OptionError) as caught:
        raise_steps(4, 0.0035, 4)

    assert caught.value.low == 0.004


@given(STRENGTHS)
def test_a_strength_above_zero_and_up_to_one_is_good(strength: float) -> None:
    assert check_strength(strength) == strength


@given(st.floats())
def test_any_other_number_is_no_strength(number: float) -> None:
    assume(not 0 < number <= 1)
    with pytest.raises(OptionError) as caught:
        check_strength(number)

    error = caught.value
    assert (error.option, error.low, error.high, error.exclusive_low) == ("strength", 0, 1, True)
    assert error.value is number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3 0.5 0.7", (0.3, 0.5, 0.7)),
        ("0.3,0.5;0.7", (0.3, 0.5, 0.7)),
        (" .9 ,  1 ", (0.9, 1.0)),
        ("0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
    ],
)
def test_a_ladder_is_read_in_its_own_order(text: str, expected: tuple[float, ...]) -> None:
    assert parse_strengths(text) == expected


@pytest.mark.parametrize(
    ("text", "reason", "value", "count"),
    [
        ("0.3 much", "not_a_number", "much", 0),
        ("0.3 0.5 0.30", "repeated", "0.3", 0),
        ("", "too_few", "", 0),
        ("0.3", "too_few", "", 1),
        ("0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1", "too_many", "", 10),
    ],
)
def test_a_bad_ladder_says_what_is_wrong(text: str, reason: str, value: str, count: int) -> None:
    with pytest.raises(StrengthsError) as caught:
        parse_strengths(text)

    assert (caught.value.reason, caught.value.value, caught.value.count) == (reason, value, count)


@pytest.mark.parametrize("text", ["0 0.5", "0.5 1.1", "nan 0.5"])
def test_a_rung_outside_the_range_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_strengths(text)


def test_the_default_ladder_is_one() -> None:
    assert check_ladder(DEFAULT_LADDER) == DEFAULT_LADDER
