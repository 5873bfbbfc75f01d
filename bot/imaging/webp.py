"""Smaller files for where a PNG is too large: WebP, with the same metadata."""

from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from typing import Final

from PIL import Image

from bot.core.errors import DeliveryError
from bot.core.jobs import Picture
from bot.imaging.ingest import decode
from bot.imaging.metadata import exif_texts, read_texts
from bot.imaging.opening import OWN_LIMITS, open_file
from bot.imaging.pixels import to_image

_QUALITIES: Final = (95, 90, 80, 65, 50)
_SHRINK: Final = 0.75
_MIN_SIDE: Final = 64
_MAX_SIDE: Final = 16383
"""WebP has 14 bits for a side."""
_THUMBNAIL_QUALITY: Final = 80
_PREVIEW_QUALITY: Final = 60
_TOO_LARGE: Final = 413


def shrink(png: bytes, limit: int) -> bytes:
    """A WebP of at most `limit` bytes that carries the PNG's two texts.

    Quality falls first, then the size, by a quarter at a time, until a side would be below 64 pixels.

    Raises:
        DeliveryError: not even the smallest fits.
    """
    exif = exif_texts(read_texts(open_file(png, OWN_LIMITS)))
    image = to_image(decode(png))
    image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
    tries = chain(((image, quality) for quality in _QUALITIES), _smaller(image))
    for smaller, quality in tries:
        webp = _to_webp(smaller, quality, exif)
        if len(webp) <= limit:
            return webp
    raise DeliveryError(_TOO_LARGE, len(png), limit)


def thumbnail(data: bytes, side: int) -> bytes:
    """A WebP whose longer side is at most `side` pixels, without metadata."""
    image = to_image(decode(data))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _to_webp(image, _THUMBNAIL_QUALITY)


def preview(picture: Picture) -> bytes:
    """A WebP of `picture` as it is, small rather than good, without metadata."""
    return _to_webp(to_image(picture), _PREVIEW_QUALITY)


def _smaller(image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    width, height = image.size
    while min(width, height) * _SHRINK >= _MIN_SIDE:
        width, height = round(width * _SHRINK), round(height * _SHRINK)
        yield image.resize((width, height), Image.Resampling.LANCZOS), _QUALITIES[-1]


def _to_webp(image: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, exif=exif or b"")
    return out.getvalue()
