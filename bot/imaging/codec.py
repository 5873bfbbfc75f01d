"""`PictureCodec` by Pillow. Everything here blocks: call it in an executor."""

from collections.abc import Sequence

from bot.core.jobs import Picture, Render
from bot.core.ports import Ingested, Tile
from bot.imaging import fit, ingest, metadata, pixels, sheet, webp
from bot.imaging.opening import DEFAULT_LIMITS, Limits


class PillowCodec:
    """Bytes to pixels and back; safe to call from several threads at once."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits

    def ingest(self, data: bytes) -> Ingested:
        """See `ingest.ingest`."""
        return ingest.ingest(data, self._limits)

    def decode(self, data: bytes) -> Picture:
        """See `ingest.decode`."""
        return ingest.decode(data)

    def fit(self, picture: Picture, width: int, height: int) -> Picture:
        """See `fit.fit`."""
        return fit.fit(picture, width, height)

    def encode_png(self, render: Render) -> bytes:
        """A PNG that carries its parameters twice (`metadata.py`); equal renders give equal bytes."""
        texts = metadata.png_texts(metadata.texts_of(render))
        return pixels.to_png(pixels.to_image(render.picture), texts)

    def shrink(self, png: bytes, limit: int) -> bytes:
        """See `webp.shrink`."""
        return webp.shrink(png, limit)

    def thumbnail(self, data: bytes, side: int) -> bytes:
        """See `webp.thumbnail`."""
        return webp.thumbnail(data, side)

    def preview(self, picture: Picture) -> bytes:
        """See `webp.preview`."""
        return webp.preview(picture)

    def sheet(self, tiles: Sequence[Tile]) -> bytes:
        """See `sheet.sheet`."""
        return sheet.sheet(tiles)
