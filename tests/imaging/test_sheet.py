from collections.abc import Sequence

import pytest
from PIL import Image, ImageChops, ImageFont

from bot.core.jobs import Picture
from bot.core.ports import Tile
from bot.imaging.grid import BOX
from bot.imaging.sheet import FAINT_TEXT, MIN_WIDTH, PANEL, TEXT, Colour, sheet
from tests.imaging.samples import opened

SIZES = [(512, 512), (512, 768), (768, 512), (64, 64), (48, 96), (1024, 576)]
COUNTS = [2, 3, 4, 6, 10]
RED, BLUE = (255, 0, 0), (0, 0, 255)


def flat(size: tuple[int, int], colour: Colour) -> Picture:
    return Picture(*size, bytes(colour) * (size[0] * size[1]))


def ladder(count: int, size: tuple[int, int], colour: Colour = RED) -> list[Tile]:
    labels = ["original", *(f"0.{i}5 · {i * 10} steps" for i in range(1, 10))]
    return [Tile(flat(size, colour), label) for label in labels[:count]]


def drawn(tiles: Sequence[Tile]) -> Image.Image:
    return opened(sheet(tiles))


def boxes_of(image: Image.Image, colour: Colour) -> tuple[int, int, int, int]:
    """The bounding box of all pixels of exactly this colour."""
    difference = ImageChops.difference(image, Image.new("RGB", image.size, colour)).convert("L", dither=None)
    box = difference.point(lambda value: 255 if value == 0 else 0).getbbox()
    assert box is not None
    return box


def luminance(colour: Colour) -> float:
    """WCAG 2.2's relative luminance."""
    red, green, blue = (
        value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4
        for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_height(image: Image.Image) -> int:
    """Height of the digits of a sheet whose only label is digits."""
    _, top, _, bottom = boxes_of(image, TEXT)
    return bottom - top


@pytest.mark.parametrize("colour", [TEXT, FAINT_TEXT])
def test_text_has_contrast(colour: Colour) -> None:
    assert (luminance(colour) + 0.05) / (luminance(PANEL) + 0.05) >= 7


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", COUNTS)
def test_a_sheet_is_large_enough_to_look_into(count: int, size: tuple[int, int]) -> None:
    image = drawn(ladder(count, size))
    assert MIN_WIDTH <= image.width <= 2201
    assert image.height <= 1401


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", COUNTS)
def test_labels_are_readable_as_discord_shows_them(count: int, size: tuple[int, int]) -> None:
    tiles = [Tile(flat(size, RED), "00"), *(Tile(flat(size, RED), " · ") for _ in range(count - 1))]
    image = drawn(tiles)
    shown = min(BOX[0] / image.width, BOX[1] / image.height)
    assert text_height(image) / image.height >= 0.032
    assert text_height(image) * shown >= 11


@pytest.mark.parametrize("count", COUNTS)
def test_the_panel_surrounds_everything(count: int) -> None:
    image = drawn(ladder(count, (100, 80)))
    corners = [(0, 0), (image.width - 1, 0), (0, image.height - 1), (image.width - 1, image.height - 1)]
    assert {image.getpixel(corner) for corner in corners} == {PANEL}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", COUNTS)
def test_pictures_keep_their_shape(count: int, size: tuple[int, int]) -> None:
    tiles = ladder(count, size)
    tiles[0] = Tile(flat(size, BLUE), "original")
    left, top, right, bottom = boxes_of(drawn(tiles), BLUE)
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.03)


def test_a_picture_of_another_shape_is_shown_whole() -> None:
    tiles = [Tile(flat((300, 100), BLUE), "original"), *ladder(4, (512, 512))[1:]]
    left, top, right, bottom = boxes_of(drawn(tiles), BLUE)
    assert (right - left) / (bottom - top) == pytest.approx(3, rel=0.03)


def test_tiles_are_in_reading_order() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
    image = drawn([Tile(flat((512, 512), colour), "label") for colour in colours])
    places = [(top, left) for left, top, _, _ in (boxes_of(image, colour) for colour in colours)]
    assert places == sorted(places)


def test_corners_are_round() -> None:
    image = drawn(ladder(2, (512, 512)))
    left, top, _, _ = boxes_of(image, RED)
    assert image.getpixel((left, top)) != RED


def test_the_pixels_of_a_tiny_picture_stay_square() -> None:
    black, white = bytes(3), b"\xff" * 3
    stripes = Picture(32, 32, (black + white) * 16 * 32)
    image = drawn([Tile(stripes, "one"), Tile(stripes, "two")])
    row = [image.getpixel((x, image.height // 3)) for x in range(image.width)]
    flat_pixels = sum(pixel in ((0, 0, 0), (255, 255, 255)) for pixel in row)
    assert flat_pixels / len(row) > 0.7


def test_the_part_after_the_dot_is_fainter() -> None:
    image = drawn([Tile(flat((512, 512), RED), "0.5 · 6 steps")] * 2)
    bright, faint = boxes_of(image, TEXT), boxes_of(image, FAINT_TEXT)
    assert bright[0] < faint[0]


def test_narrow_tiles_break_their_labels_at_the_dot() -> None:
    image = drawn([Tile(flat((288, 512), RED), "0.5 · 6 steps")] * 6)
    bright, faint = boxes_of(image, TEXT), boxes_of(image, FAINT_TEXT)
    assert bright[3] < faint[1]


@pytest.mark.parametrize("label", ["a very long label " * 20, "0.5 · " + "steps" * 50])
def test_a_label_that_is_too_long_is_cut(label: str) -> None:
    image = drawn([Tile(flat((512, 512), RED), label)] * 4)
    left, _, right, _ = boxes_of(image, TEXT)
    assert 0 < left < right < image.width


@pytest.mark.parametrize("character", "0123456789·. …originalsteps")
def test_the_font_has_every_character_of_a_ladders_labels(character: str) -> None:
    font = ImageFont.load_default(40)
    missing = font.getmask("\U0010ffff")
    assert character == " " or bytes(font.getmask(character)) != bytes(missing)


def test_equal_tiles_give_equal_sheets() -> None:
    assert sheet(ladder(3, (64, 64))) == sheet(ladder(3, (64, 64)))
