import hashlib

import pytest
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from bot.core.jobs import Picture
from bot.imaging.ingest import decode, ingest
from bot.imaging.opening import Limits
from tests.imaging.samples import encode, opened, picture, ramp


def close(one: Picture, other: Picture, tolerance: float) -> bool:
    """Whether the mean absolute difference of all bytes is at most `tolerance`."""
    differences = (abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True))
    return sum(differences) / len(one.rgb) <= tolerance


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_keep_every_pixel(name: str) -> None:
    assert ingest(encode(ramp(), name)).picture == picture()


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_keep_the_picture(name: str) -> None:
    assert close(ingest(encode(ramp(), name)).picture, picture(), 9)


def test_the_same_pixels_give_the_same_file_whatever_they_came_in() -> None:
    assert ingest(encode(ramp(), "PNG", compress_level=1)) == ingest(encode(ramp(), "TIFF"))


def test_the_hash_is_that_of_the_clean_file() -> None:
    clean = ingest(encode(ramp()))
    assert clean.sha256 == hashlib.sha256(clean.png).hexdigest()


def test_the_clean_file_decodes_to_the_picture() -> None:
    clean = ingest(encode(ramp(), "JPEG"))
    assert decode(clean.png) == clean.picture


def test_the_clean_file_carries_nothing_but_pixels() -> None:
    exif = Image.Exif()
    exif[Base.Artist] = "somebody"
    data = encode(ramp(), "PNG", exif=exif, dpi=(300, 300), icc_profile=b"not a profile")
    assert opened(ingest(data).png).info == {}


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    upright = ImageOps.exif_transpose(opened(encode(ramp(), "PNG", exif=exif)))
    expected = Picture(upright.width, upright.height, upright.convert("RGB").tobytes())
    options = {"quality": 95} if name in ("JPEG", "WEBP") else {}
    assert close(ingest(encode(ramp(), name, exif=exif, **options)).picture, expected, 4)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_is_passed_over(orientation: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    assert ingest(encode(ramp(), exif=exif)).picture == picture()


def test_a_picture_with_damaged_exif_is_taken() -> None:
    assert ingest(encode(ramp(), exif=b"Exif\0\0not exif at all")).picture == picture()


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF"])
def test_the_first_frame_of_an_animation_is_taken(name: str) -> None:
    frames = [Image.new("RGB", (48, 32), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if name == "WEBP" else {}
    data = encode(frames[0], name, save_all=True, append_images=frames[1:], **options)
    assert ingest(data).picture == Picture(48, 32, frames[0].tobytes())


def test_the_first_page_of_a_tiff_is_taken() -> None:
    data = encode(ramp(), "TIFF", save_all=True, append_images=[Image.new("RGB", (48, 32))] * 3)
    assert ingest(data, Limits(max_frames=2)).picture == picture()


def test_a_large_picture_is_scaled_down_to_what_is_kept() -> None:
    kept = ingest(encode(ramp(300, 200)), Limits(keep_pixels=150 * 100)).picture
    assert (kept.width, kept.height) == (150, 100)


def test_a_large_picture_is_scaled_before_it_is_turned() -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    kept = ingest(encode(ramp(300, 200), exif=exif), Limits(keep_pixels=150 * 100)).picture
    assert (kept.width, kept.height) == (100, 150)


def test_own_files_are_decoded_at_any_size() -> None:
    assert decode(encode(ramp(1, 3))) == picture(1, 3)
