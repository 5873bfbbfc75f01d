"""Recipes, pictures and catalogues for the engine's tests."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bot.core.catalog import Catalog, ModelSpec
from bot.core.jobs import Picture
from bot.core.recipe import Recipe


def a_spec(name: str = "tiny", source: str | Path = "somebody/tiny", **changes: Any) -> ModelSpec:
    settings: dict[str, Any] = {
        "width": 64,
        "height": 64,
        "min_side": 32,
        "max_side": 256,
        "max_pixels": 256**2,
    }
    return ModelSpec(name=name, source=str(source), **(settings | changes))


def a_catalog(*specs: ModelSpec) -> Catalog:
    return Catalog(specs, specs[0].name)


def a_recipe(**changes: Any) -> Recipe:
    settings: dict[str, Any] = {
        "model": "tiny",
        "revision": None,
        "prompt": "a red cat",
        "negative_prompt": "",
        "width": 64,
        "height": 64,
        "num_inference_steps": 4,
        "guidance_scale": 5.0,
        "seed": 7,
    }
    return Recipe(**(settings | changes))


def an_image(width: int = 64, height: int = 64) -> Image.Image:
    """A colour gradient with a square on it."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], axis=-1).astype(np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (250, 40, 20)
    return Image.fromarray(pixels)


def a_picture(width: int = 64, height: int = 64) -> Picture:
    return Picture(width, height, an_image(width, height).tobytes())


def pixels(picture: Picture) -> Any:
    """An integer array of shape (height, width, 3)."""
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(int)


def even_clock() -> Callable[[], float]:
    """Each look at it is a millisecond later: a forward of many rows takes as long as one of a single row,
    so that as many share it as may."""
    looks = itertools.count()
    return lambda: next(looks) / 1000


def ignore(_step: int, _steps: int) -> None:
    """For callers that do not look at the progress."""
