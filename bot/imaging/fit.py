"""A picture in another shape, never squashed."""

from PIL import Image, ImageOps

from bot.core.jobs import Picture
from bot.imaging.pixels import to_image, to_picture


def fit(picture: Picture, width: int, height: int) -> Picture:
    """The largest centred part of `picture` that has the shape `width` x `height`, at that size."""
    if (picture.width, picture.height) == (width, height):
        return picture
    return to_picture(ImageOps.fit(to_image(picture), (width, height), Image.Resampling.LANCZOS))
