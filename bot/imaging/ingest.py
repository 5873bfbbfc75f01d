"""Somebody's bytes to a clean picture."""

import hashlib
from typing import Final

from PIL import Image
from PIL.ExifTags import Base

from bot.core.errors import BadImageError
from bot.core.jobs import Picture
from bot.core.ports import Ingested
from bot.imaging.colour import to_rgb
from bot.imaging.metadata import read_model_prompt, read_prompt
from bot.imaging.opening import DEFAULT_LIMITS, OWN_LIMITS, Limits, open_file, translated
from bot.imaging.pixels import to_picture, to_png

# What turns the stored pixels upright, by EXIF's orientation (TIFF 6.0, page 36).
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def ingest(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Ingested:
    """Check somebody's bytes and make them clean: upright sRGB, first frame, no metadata.

    Pictures of more than `limits.keep_pixels` are scaled down to that.

    Raises:
        BadImageError: with the reason; nothing else, whatever the bytes.
    """
    file = open_file(data, limits)
    with translated(str(file.format)):
        image = _clean(file, limits)
        prompt, model_prompt = read_prompt(file), read_model_prompt(file)
    png = to_png(image)
    return Ingested(to_picture(image), hashlib.sha256(png).hexdigest(), png, prompt, model_prompt)


def decode(data: bytes) -> Picture:
    """The pixels of a PNG or WebP that we stored ourselves.

    Raises:
        BadImageError: the file was damaged since.
    """
    file = open_file(data, OWN_LIMITS)
    with translated(str(file.format)):
        return to_picture(_clean(file, OWN_LIMITS))


def _clean(file: Image.Image, limits: Limits) -> Image.Image:
    file.load()
    rgb = to_rgb(file)
    excess = rgb.width * rgb.height / limits.keep_pixels
    if excess > 1:
        # Rounded down on both sides, so that the product stays below.
        size = (max(1, int(rgb.width / excess**0.5)), max(1, int(rgb.height / excess**0.5)))
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    turn = _TURNS.get(_orientation(file))
    return rgb if turn is None else rgb.transpose(turn)


def _orientation(file: Image.Image) -> int:
    """1 (upright) to 8. Read after loading, when Pillow has turned a TIFF by itself and says 1."""
    try:
        with translated("EXIF"):
            return int(file.getexif().get(Base.Orientation, 1))
    except BadImageError:
        return 1  # the picture is good without its EXIF
