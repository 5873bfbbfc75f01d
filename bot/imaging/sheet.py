"""Labelled contact sheets: the tiles of a ladder on one picture, readable at the size of a chat."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import Final, cast

from PIL import Image, ImageDraw, ImageFont

from bot.core.jobs import Picture
from bot.core.ports import Tile
from bot.imaging.grid import LABEL_SIZE, LINE_PITCH, Grid, choose_grid
from bot.imaging.pixels import to_image, to_png

Colour = tuple[int, int, int]

# A panel of its own, so that the text has the same contrast in Discord's light and dark themes.
PANEL: Final[Colour] = (0x1E, 0x1F, 0x22)
TEXT: Final[Colour] = (0xF2, 0xF3, 0xF5)
FAINT_TEXT: Final[Colour] = (0xB5, 0xBA, 0xC1)
EDGE: Final[Colour] = (0x3F, 0x41, 0x47)

MIN_WIDTH: Final = 1000
_MAX_SCALE: Final = 4.0
"""Sheet pixels per shown pixel: sheets stay below 2200 x 1400, a few megabytes."""
_BASELINE: Final = 20.0
"""Of a label's first line, below the tile; in shown pixels."""
_CORNER: Final = 6.0
_RATIOS: Final = (0.4, 2.5)
_SEPARATOR: Final = " · "
_PIXEL_ART: Final = 128
"""Pictures no larger than this keep their square pixels when enlarged; blur would hide what they are."""


def sheet(tiles: Sequence[Tile]) -> bytes:
    """A PNG of all tiles in reading order, in equal cells, at least 1000 pixels wide.

    Every picture is shown whole. A label such as `0.3 · 6 steps` is broken at the dot where that
    lets the tiles be larger.

    Args:
        tiles: one or more; two to ten are what it is made for.
    """
    ratio = median(tile.picture.width / tile.picture.height for tile in tiles)
    ratio = min(max(ratio, _RATIOS[0]), _RATIOS[1])
    labels = [tile.label.split(_SEPARATOR, 1) for tile in tiles]
    font = _font(LABEL_SIZE * _MAX_SCALE)
    one_line = max(font.getlength(tile.label) for tile in tiles) / _MAX_SCALE
    two_lines = max(font.getlength(line) for label in labels for line in label) / _MAX_SCALE
    grid = choose_grid(len(tiles), ratio, (one_line, two_lines))
    return to_png(_Drawing(grid, _scale(grid, tiles)).draw(tiles))


def _font(size: float) -> ImageFont.FreeTypeFont:
    """A fresh one each time: FreeType's faces are not for several threads at once."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size))  # with a size it is always scalable


def _scale(grid: Grid, tiles: Sequence[Tile]) -> float:
    """Sheet pixels per shown pixel: full resolution for the widest picture where that is reasonable."""
    full = max(tile.picture.width for tile in tiles) / grid.tile_width
    return max(MIN_WIDTH / grid.width, min(full, _MAX_SCALE))


class _Drawing:
    """A grid at a scale, with pixels to draw on."""

    def __init__(self, grid: Grid, scale: float) -> None:
        self._grid = grid
        self._scale = scale
        self._font = _font(LABEL_SIZE * scale)
        self._image = Image.new("RGB", (ceil(grid.width * scale), ceil(grid.height * scale)), PANEL)
        self._draw = ImageDraw.Draw(self._image)

    def draw(self, tiles: Sequence[Tile]) -> Image.Image:
        grid = self._grid
        for index, tile in enumerate(tiles):
            left, top = grid.place(index, len(tiles))
            self._draw_picture(tile.picture, left, top)
            self._draw_label(tile.label, left + grid.cell_width / 2, top + grid.tile_height)
        return self._image

    def _draw_picture(self, picture: Picture, left: float, top: float) -> None:
        """Whole, as large as its place allows, centred, with round corners and a thin edge."""
        grid = self._grid
        factor = min(grid.tile_width / picture.width, grid.tile_height / picture.height) * self._scale
        width, height = (max(1, round(side * factor)) for side in (picture.width, picture.height))
        image = _resized(to_image(picture), width, height)
        x = round((left + grid.cell_width / 2) * self._scale - width / 2)
        y = round((top + grid.tile_height / 2) * self._scale - height / 2)
        edge, corner = max(1, round(self._scale / 2)), round(_CORNER * self._scale)
        outer = _rounded(width + 2 * edge, height + 2 * edge, corner + edge)
        self._image.paste(EDGE, (x - edge, y - edge), outer)
        self._image.paste(image, (x, y), _rounded(width, height, corner))

    def _draw_label(self, label: str, centre: float, top: float) -> None:
        """The first part bright, what follows the dot fainter (beside it or on the next line)."""
        parts = label.split(_SEPARATOR, 1)
        if self._grid.lines == 1:
            label = self._shortened(label)
            head = label[: len(parts[0])]
            self._write(((head, TEXT), (label[len(head) :], FAINT_TEXT)), centre, top)
            return
        for number, (part, colour) in enumerate(zip(parts, (TEXT, FAINT_TEXT), strict=False)):
            self._write(((self._shortened(part), colour),), centre, top + number * LINE_PITCH)

    def _write(self, runs: Sequence[tuple[str, Colour]], centre: float, top: float) -> None:
        x = centre * self._scale - self._font.getlength("".join(text for text, _ in runs)) / 2
        baseline = (top + _BASELINE) * self._scale
        for text, colour in runs:
            self._draw.text((x, baseline), text, colour, self._font, "ls")
            x += self._font.getlength(text)

    def _shortened(self, text: str) -> str:
        room = self._grid.cell_width * self._scale
        if self._font.getlength(text) <= room:
            return text
        while text and self._font.getlength(text + "…") > room:
            text = text[:-1]
        return text + "…"


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    times = ceil(max(width / image.width, height / image.height))
    if times > 1 and max(image.size) <= _PIXEL_ART:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
        return image.resize((width, height), Image.Resampling.BOX)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _rounded(width: int, height: int, corner: int) -> Image.Image:
    """A mask with round corners: drawn at four times the size, because Pillow draws without smoothing."""
    mask = Image.new("L", (width * 4, height * 4))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), corner * 4, 255)
    return mask.reduce(4)
