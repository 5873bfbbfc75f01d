from dataclasses import replace

import pytest
from PIL import Image

from bot.core.errors import BadImageError, DeliveryError
from bot.core.jobs import Picture, Render
from bot.core.ports import PictureCodec, Tile
from bot.imaging.codec import PillowCodec
from bot.imaging.metadata import read_recipe
from bot.imaging.opening import Limits
from tests.imaging.samples import RECIPE, encode, opened, picture, ramp, render

CODEC: PictureCodec = PillowCodec()


def noisy(side: int) -> Render:
    """A finished picture that no codec makes small."""
    image = Image.effect_noise((side, side), 90).convert("RGB")
    return replace(
        render(replace(RECIPE, width=side, height=side)), picture=Picture(side, side, image.tobytes())
    )


def test_a_png_holds_the_pixels() -> None:
    assert CODEC.decode(CODEC.encode_png(render())) == picture()


def test_equal_renders_give_equal_files_however_long_they_took() -> None:
    assert CODEC.encode_png(render()) == CODEC.encode_png(replace(render(), seconds=99.0))


def test_a_png_that_was_damaged_in_store_says_so() -> None:
    with pytest.raises(BadImageError):
        CODEC.decode(CODEC.encode_png(render())[:200])


def test_the_limits_are_those_it_was_made_with() -> None:
    with pytest.raises(BadImageError):
        PillowCodec(Limits(max_side=47)).ingest(encode(ramp()))


def test_ingest_gives_a_clean_picture() -> None:
    assert CODEC.ingest(encode(ramp(), "BMP")).picture == picture()


def test_fit_gives_the_size() -> None:
    fitted = CODEC.fit(picture(), 20, 20)
    assert (fitted.width, fitted.height) == (20, 20)


def test_a_sheet_is_a_png() -> None:
    assert opened(CODEC.sheet([Tile(picture(), "original")] * 2)).format == "PNG"


def test_with_room_enough_only_the_format_changes() -> None:
    shrunk = opened(CODEC.shrink(CODEC.encode_png(render()), 10**6))
    assert (shrunk.format, shrunk.size) == ("WEBP", (48, 32))


def test_a_sheet_is_shrunk_without_inventing_metadata() -> None:
    shrunk = opened(CODEC.shrink(CODEC.sheet([Tile(picture(), "original")] * 2), 10**6))
    assert "exif" not in shrunk.info


def test_quality_falls_before_size() -> None:
    png = CODEC.encode_png(noisy(256))
    best = CODEC.shrink(png, 10**6)
    less = CODEC.shrink(png, len(best) - 1)
    assert len(less) < len(best)
    assert opened(less).size == (256, 256)


@pytest.mark.parametrize("limit", [9_000, 12_000, 16_000])
def test_a_shrunk_picture_is_within_the_limit_and_keeps_its_recipe(limit: int) -> None:
    generated = noisy(256)
    shrunk = CODEC.shrink(CODEC.encode_png(generated), limit)
    assert len(shrunk) <= limit
    assert read_recipe(shrunk) == generated.recipe


def test_the_size_falls_by_quarters() -> None:
    shrunk = opened(CODEC.shrink(CODEC.encode_png(noisy(256)), 12_000))
    assert shrunk.size in [(192, 192), (144, 144), (108, 108), (81, 81)]


def test_a_picture_that_fits_in_no_way_is_not_delivered() -> None:
    png = CODEC.encode_png(noisy(256))
    with pytest.raises(DeliveryError) as caught:
        CODEC.shrink(png, 500)
    assert (caught.value.status, caught.value.size, caught.value.limit) == (413, len(png), 500)


def test_a_picture_too_long_for_webp_is_made_shorter() -> None:
    assert opened(CODEC.shrink(encode(Image.new("RGB", (16384, 64))), 10**6)).size == (16383, 64)


@pytest.mark.parametrize(
    ("size", "expected"), [((200, 100), (64, 32)), ((100, 200), (32, 64)), ((48, 32), (48, 32))]
)
def test_a_thumbnail_keeps_the_shape_and_never_grows(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    small = opened(CODEC.thumbnail(encode(ramp(*size)), 64))
    assert (small.format, small.size) == ("WEBP", expected)
