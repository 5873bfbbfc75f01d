import pytest
from PIL import Image, ImageCms

from bot.imaging.colour import to_rgb
from bot.imaging.ingest import ingest
from tests.imaging.samples import encode, ramp

RGB = tuple[int, int, int]


def colour_of(data: bytes) -> RGB:
    """The top left pixel after ingest."""
    red, green, blue = ingest(data).picture.rgb[:3]
    return red, green, blue


def flat(mode: str, value: object) -> Image.Image:
    return Image.new(mode, (16, 16), value)  # type: ignore[arg-type]  # Pillow's type knows no bytes


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(name: str) -> None:
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    assert colour_of(encode(flat("RGBA", (255, 0, 0, 51)), name, **options)) == (255, 204, 204)


def test_grey_with_alpha_is_laid_on_white() -> None:
    assert colour_of(encode(flat("LA", (0, 51)))) == (204, 204, 204)


def test_a_transparent_colour_of_rgb_is_white() -> None:
    assert colour_of(encode(flat("RGB", (1, 2, 3)), transparency=(1, 2, 3))) == (255, 255, 255)


def test_a_transparent_colour_of_grey_is_white() -> None:
    assert colour_of(encode(flat("L", 7), transparency=7)) == (255, 255, 255)


def test_a_transparent_black_and_white_picture_is_white() -> None:
    assert colour_of(encode(flat("1", 0), transparency=0)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(name: str) -> None:
    image = flat("P", 1)
    image.putpalette([0, 0, 0, 9, 9, 9])
    assert colour_of(encode(image, name, transparency=1)) == (255, 255, 255)


def test_a_palette_with_alphas_is_laid_on_white() -> None:
    image = flat("P", 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert colour_of(encode(image, transparency=b"\xff\x33")) == (255, 204, 204)


@pytest.mark.parametrize("name", ["PNG", "BMP", "GIF", "TIFF"])
def test_a_palette_gives_its_colours(name: str) -> None:
    image = flat("P", 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert colour_of(encode(image, name)) == (10, 20, 30)


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_black_and_white_becomes_rgb(name: str) -> None:
    assert colour_of(encode(flat("1", 1), name)) == (255, 255, 255)


def test_cmyk_jpegs_are_not_inverted() -> None:
    red, green, blue = colour_of(encode(flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=95))
    assert red > 240
    assert green < 15
    assert blue < 15


def test_cmyk_tiffs_become_rgb() -> None:
    assert colour_of(encode(flat("CMYK", (255, 0, 255, 0)), "TIFF")) == (0, 255, 0)


def test_lab_tiffs_become_rgb() -> None:
    assert colour_of(encode(flat("LAB", (255, 128, 128)), "TIFF")) == pytest.approx((255, 255, 255), abs=2)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize(("deep", "shallow"), [(0, 0), (255, 1), (32896, 128), (65535, 255)])
def test_16_bit_grey_keeps_its_range(name: str, deep: int, shallow: int) -> None:
    assert colour_of(encode(flat("I;16", deep), name)) == (shallow,) * 3


def test_16_bit_grey_with_a_transparent_value_is_taken() -> None:
    assert colour_of(encode(flat("I;16", 65535), transparency=300)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pictures_without_an_agreed_range_are_stretched(mode: str) -> None:
    image = flat(mode, 1000)
    image.putpixel((0, 0), 3000)
    image.putpixel((1, 0), 2000)
    rgb = ingest(encode(image, "TIFF")).picture.rgb
    assert (rgb[0], rgb[3], rgb[6]) == (255, 128, 0)


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_a_float_picture_without_a_range_is_still_a_picture(value: float) -> None:
    assert ingest(encode(flat("F", value), "TIFF")).picture.width == 16


def swapped_profile() -> bytes:
    """A profile in which red and green have changed places, made from Pillow's own sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"xxxx").replace(b"gXYZ", b"rXYZ").replace(b"xxxx", b"gXYZ")
    # The description says what the profile is; it is stored as UTF-16.
    return swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def test_an_embedded_colour_profile_is_applied() -> None:
    data = encode(flat("RGB", (255, 0, 0)), icc_profile=swapped_profile())
    assert colour_of(data) == (0, 255, 0)


def test_an_srgb_profile_changes_no_pixel() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert ingest(encode(ramp(), icc_profile=profile)) == ingest(encode(ramp()))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_another_kind_of_picture_is_passed_over(mode: str) -> None:
    image = flat(mode, 0)
    assert ingest(encode(image, "TIFF", icc_profile=swapped_profile())) == ingest(encode(image, "TIFF"))


def test_a_broken_profile_is_passed_over() -> None:
    assert ingest(encode(ramp(), icc_profile=b"broken" * 40)) == ingest(encode(ramp()))


def test_rgb_without_a_profile_stays_as_it_is() -> None:
    assert to_rgb(ramp()).tobytes() == ramp().tobytes()
