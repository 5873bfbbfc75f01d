"""Every pixel format that the decoders give, as plain 8-bit sRGB."""

from contextlib import suppress
from io import BytesIO
from math import inf
from typing import Final, cast

from PIL import Image, ImageCms

_WHITE: Final = (255, 255, 255)
_PROFILED: Final = ("RGB", "CMYK", "L")


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded image of any mode as sRGB: deep pixels made 8-bit, transparency on white, and the
    colours of an embedded ICC profile translated (phones and print write other spaces than sRGB)."""
    profile = image.info.get("icc_profile")
    opaque = _on_white(_eight_bit(image))
    if isinstance(profile, bytes) and opaque.mode in _PROFILED:
        # A broken profile, or one for another mode: the pixels are still good without it.
        with suppress(ImageCms.PyCMSError, OSError):
            return _to_srgb(opaque, profile)
    return opaque.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey loses its low byte; 32-bit and float grey, which have no agreed range, are stretched."""
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif image.mode in ("I", "F"):
        low, high = cast("tuple[float, float]", image.getextrema())  # these modes have one band
    else:
        return image
    scale = 255 / (high - low) if 0 < high - low < inf else 0.0
    # `point` takes scale and offset for these modes, but only from a function of this very form.
    grey = image.convert("F").point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
    grey.info.pop("transparency", None)  # a value of the old range
    return grey


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, _WHITE)
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB") if image.mode in ("P", "1") else image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    if "sRGB" in ImageCms.getProfileDescription(source):
        return image.convert("RGB")  # spares the rounding, so that the same pixels stay the same
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
    return transform.apply(image)
