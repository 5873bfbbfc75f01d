"""Where the tiles of a contact sheet go, so that they are seen as large as can be in Discord.

All lengths here are pixels as Discord's desktop client shows them: it fits a single picture into a box.
"""

from dataclasses import dataclass
from typing import Final

BOX: Final = (550.0, 350.0)
MARGIN: Final = 12.0
GAP: Final = 10.0
LABEL_SIZE: Final = 18.0
"""Font size: digits become about 13 pixels high, 3.6 % of the box."""
LABEL_HEIGHT: Final = 25.0
"""Of a label on one line, with the air around it."""
LINE_PITCH: Final = 21.0
"""What each further line adds."""
LABEL_AIR: Final = 8.0
"""Least space between two labels side by side, beyond the gap."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular grid. Each cell is a tile of `tile_width` x `tile_height` above a label of `lines` lines."""

    columns: int
    rows: int
    lines: int
    cell_width: float
    """At least the tile's: a label may be wider."""
    tile_width: float
    tile_height: float

    @property
    def cell_height(self) -> float:
        return self.tile_height + _label_height(self.lines)

    def place(self, index: int, count: int) -> tuple[float, float]:
        """Left and top of the cell of tile `index` of `count`; a last row that is not full is centred."""
        row, column = divmod(index, self.columns)
        missing = max(0, (row + 1) * self.columns - count)
        left = MARGIN + (column + missing / 2) * (self.cell_width + GAP)
        return left, MARGIN + row * (self.cell_height + GAP)

    @property
    def width(self) -> float:
        return 2 * MARGIN + self.columns * self.cell_width + (self.columns - 1) * GAP

    @property
    def height(self) -> float:
        return 2 * MARGIN + self.rows * self.cell_height + (self.rows - 1) * GAP


def choose_grid(count: int, ratio: float, label_widths: tuple[float, ...]) -> Grid:
    """The grid that shows `count` tiles of the shape `ratio` (width / height) largest.

    Empty cells count twice, because a row with a gap looks unfinished; a grid that cuts labels must
    show tiles of twice the size.

    Args:
        label_widths: of the widest label if it is written on one line, on two, ...
    """

    def worth(grid: Grid) -> float:
        filled = count / (grid.columns * grid.rows)
        readable = 1.0 if label_widths[grid.lines - 1] + LABEL_AIR <= grid.cell_width else 0.5
        return grid.tile_width * filled**2 * readable

    grids = [
        _grid(columns, -(-count // columns), ratio, lines, label_width)
        for columns in range(1, count + 1)
        for lines, label_width in enumerate(label_widths, 1)
    ]
    return max(grids, key=worth)


def _label_height(lines: int) -> float:
    return LABEL_HEIGHT + (lines - 1) * LINE_PITCH


def _grid(columns: int, rows: int, ratio: float, lines: int, label_width: float) -> Grid:
    cell_width = (BOX[0] - 2 * MARGIN - (columns - 1) * GAP) / columns
    cell_height = (BOX[1] - 2 * MARGIN - (rows - 1) * GAP) / rows
    tile_width = min(cell_width, (cell_height - _label_height(lines)) * ratio)
    return Grid(
        columns,
        rows,
        lines,
        min(cell_width, max(tile_width, label_width + LABEL_AIR)),
        tile_width,
        tile_width / ratio,
    )
