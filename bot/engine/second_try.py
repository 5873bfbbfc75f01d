"""What is tried after memory ran out: the same picture, smaller."""

from dataclasses import replace
from typing import Final

from PIL import Image, ImageOps

from bot.core.catalog import ModelSpec
from bot.core.errors import DeviceMemoryError
from bot.core.jobs import Picture
from bot.core.recipe import Recipe

_SHRINK: Final = 0.75
"""Sides of the second try: 9/16 of the pixels."""


def smaller(recipe: Recipe, spec: ModelSpec) -> Recipe:
    """The recipe at three quarters of its sides, within the model's limits.

    Raises:
        DeviceMemoryError: it is as small as the model allows.
    """
    multiple = spec.multiple_of
    least = -(-spec.min_side // multiple) * multiple
    width, height = (
        min(side, max(int(side * _SHRINK) // multiple * multiple, least))
        for side in (recipe.width, recipe.height)
    )
    if (width, height) == (recipe.width, recipe.height):
        raise DeviceMemoryError(recipe.model, width, height)
    return replace(recipe, width=width, height=height)


def resized(picture: Picture, width: int, height: int) -> Picture:
    """`picture` scaled to cover width x height and cropped at its centre."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
    fitted = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return Picture(width, height, fitted.tobytes())
