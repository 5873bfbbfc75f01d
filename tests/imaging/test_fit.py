import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.jobs import Picture
from bot.imaging.fit import fit
from tests.imaging.samples import picture

SIDES = st.integers(8, 120)


def coordinates(fitted: Picture, x: int, y: int) -> tuple[float, float]:
    """Which place of the `picture` a pixel came from, read off its colour; 0 to 1 on both axes."""
    at = 3 * (y * fitted.width + x)
    return fitted.rgb[at] / 255, fitted.rgb[at + 1] / 255


def test_a_picture_of_that_size_is_returned_as_it_is() -> None:
    same = picture(40, 30)
    assert fit(same, 40, 30) is same


@given(SIDES, SIDES, SIDES, SIDES)
@example(8, 120, 120, 8)
def test_the_size_is_exact(width: int, height: int, to_width: int, to_height: int) -> None:
    fitted = fit(picture(width, height), to_width, to_height)
    assert (fitted.width, fitted.height) == (to_width, to_height)


@pytest.mark.parametrize(
    ("size", "cut"),
    [
        ((100, 100), (0.25, 0)),
        ((400, 100), (0, 0.25)),
        ((200, 100), (0, 0)),
        ((50, 25), (0, 0)),
        ((300, 300), (0.25, 0)),
    ],
)
def test_equal_parts_are_cropped_from_both_ends_of_one_axis_only(
    size: tuple[int, int], cut: tuple[float, float]
) -> None:
    fitted = fit(picture(200, 100), *size)
    left, top = coordinates(fitted, 0, 0)
    right, bottom = coordinates(fitted, fitted.width - 1, fitted.height - 1)
    expected = (cut[0], cut[1], 1 - cut[0], 1 - cut[1])
    assert (left, top, right, bottom) == pytest.approx(expected, abs=0.03)


@given(SIDES, SIDES)
def test_nothing_is_squashed(to_width: int, to_height: int) -> None:
    fitted = fit(picture(96, 96), to_width, to_height)
    left, top = coordinates(fitted, 0, 0)
    right, bottom = coordinates(fitted, to_width - 1, to_height - 1)
    # One pixel of the fitted picture covers as much of the source across as down.
    across, down = (right - left) / (to_width - 1), (bottom - top) / (to_height - 1)
    assert across == pytest.approx(down, rel=0.1, abs=0.004)
