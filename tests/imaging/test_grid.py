import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.imaging.grid import BOX, GAP, LABEL_AIR, MARGIN, choose_grid

COUNTS = st.integers(1, 10)
RATIOS = st.floats(0.4, 2.5)
LABELS = (110.0, 70.0)


@pytest.mark.parametrize(
    ("count", "ratio", "columns", "rows"),
    [
        (2, 1, 2, 1),
        (3, 1, 3, 1),
        (3, 1.5, 3, 1),
        (3, 1.78, 3, 1),
        (4, 1, 2, 2),
        (4, 0.67, 4, 1),
        (4, 1.5, 2, 2),
        (6, 1, 3, 2),
        (10, 1, 5, 2),
    ],
)
def test_the_grid_fills_a_landscape_box(count: int, ratio: float, columns: int, rows: int) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert (grid.columns, grid.rows) == (columns, rows)


@given(COUNTS, RATIOS)
def test_the_grid_fits_into_the_box(count: int, ratio: float) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert grid.width <= BOX[0] + 1e-6
    assert grid.height <= BOX[1] + 1e-6


@given(COUNTS, RATIOS)
def test_tiles_have_the_ratio_and_fit_their_cells(count: int, ratio: float) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert grid.tile_width / grid.tile_height == pytest.approx(ratio)
    assert grid.tile_width <= grid.cell_width + 1e-6


@given(COUNTS, RATIOS)
def test_labels_have_room_and_air(count: int, ratio: float) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert LABELS[grid.lines - 1] + LABEL_AIR <= grid.cell_width + 1e-6


@given(COUNTS, RATIOS)
def test_tiles_can_be_told_apart(count: int, ratio: float) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert min(grid.tile_width, grid.tile_height) >= 38


@given(COUNTS, RATIOS)
def test_no_row_is_empty(count: int, ratio: float) -> None:
    grid = choose_grid(count, ratio, LABELS)
    assert (grid.rows - 1) * grid.columns < count <= grid.rows * grid.columns


def test_a_label_too_long_for_any_grid_does_not_starve_the_tiles() -> None:
    assert choose_grid(4, 1.0, (5000.0, 3000.0)).tile_width > 100


def test_cells_follow_each_other_in_reading_order() -> None:
    grid = choose_grid(4, 1.0, LABELS)
    step = grid.cell_width + GAP
    assert [grid.place(i, 4)[0] for i in range(4)] == pytest.approx([MARGIN, MARGIN + step] * 2)
    assert grid.place(0, 4)[1] == grid.place(1, 4)[1] < grid.place(2, 4)[1] == grid.place(3, 4)[1]


def test_a_last_row_that_is_not_full_is_centred() -> None:
    grid = choose_grid(7, 1.0, LABELS)
    left, right = grid.place(grid.columns, 7)[0], grid.place(6, 7)[0] + grid.cell_width
    assert (left + right) / 2 == pytest.approx(grid.width / 2)
