"""Somebody's bytes to an opened file whose header is within limits; no pixel is decoded yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL.Image import DecompressionBombError
from PIL.ImageFile import ImageFile

from bot.core.errors import BadImageError
from bot.imaging.formats import DECODERS, gif_frames, jpeg_scans, recognise

_MAX_JPEG_SCANS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What we take from strangers. Sides and pixels are those of the file."""

    max_bytes: int = 25 * 2**20
    max_pixels: int = 32 * 2**20
    max_side: int = 16384
    max_frames: int = 600
    """Of an animation, whose first frame is taken."""
    min_side: int = 16
    keep_pixels: int = 4 * 2**20
    """Larger pictures are scaled down to this: a phone's photograph would become a PNG of 40 MB,
    and no model reads more."""


DEFAULT_LIMITS: Final = Limits()
OWN_LIMITS: Final = Limits(max_bytes=2**31, min_side=1, keep_pixels=Limits().max_pixels)
"""For files that we wrote ourselves."""


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into `BadImageError("damaged")`, with the format's name."""
    try:
        yield
    except BadImageError:
        raise
    except Exception as error:  # hostile bytes make Pillow raise anything, from struct.error to MemoryError
        raise BadImageError("damaged", name) from error


def open_file(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageFile:
    """Recognise a file, read its header and check it.

    Raises:
        BadImageError: for every reason there is.
    """
    if not data:
        raise BadImageError("empty")
    if len(data) > limits.max_bytes:
        raise BadImageError("too_many_bytes", len(data), limits.max_bytes)
    name = recognise(data)
    if name is None:
        raise BadImageError("not_an_image")
    if name not in DECODERS:
        raise BadImageError("unsupported_format", name)
    with translated(name):
        file = _read_header(data, name, limits)
        _check_size(file, limits)
        _check_work(file, data, limits)
    return file


def _read_header(data: bytes, name: str, limits: Limits) -> ImageFile:
    try:
        return DECODERS[name](BytesIO(data))
    except DecompressionBombError as error:
        # Pillow's own limit, within the decoders that need memory before they know the size.
        raise BadImageError(
            "too_many_pixels", f"more than {limits.max_pixels:,}", limits.max_pixels
        ) from error


def _check_size(file: ImageFile, limits: Limits) -> None:
    width, height = file.size
    if max(width, height) > limits.max_side:
        raise BadImageError("side_too_long", max(width, height), limits.max_side)
    if width * height > limits.max_pixels:
        raise BadImageError("too_many_pixels", width * height, limits.max_pixels)
    if min(width, height) < limits.min_side:
        raise BadImageError("too_small", min(width, height), limits.min_side)


def _check_work(file: ImageFile, data: bytes, limits: Limits) -> None:
    match file.format:
        case "GIF":
            frames = gif_frames(data, limits.max_frames)
        case "PNG" | "WEBP":
            frames = int(getattr(file, "n_frames", 1))  # their headers say
        case "JPEG" if jpeg_scans(data) > _MAX_JPEG_SCANS:
            raise BadImageError("damaged", "JPEG")
        case _:
            frames = 1  # further pages of a TIFF are never read
    if frames > limits.max_frames:
        raise BadImageError("too_many_frames", frames, limits.max_frames)
