"""Pictures and files to test with."""

from io import BytesIO
from typing import Any, Final

from PIL import Image

from bot.core.jobs import Picture, Render
from bot.core.recipe import Recipe

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

RECIPE: Final = Recipe(
    model="tiny",
    revision=None,
    prompt="a lighthouse at dusk",
    negative_prompt="people",
    width=48,
    height=32,
    num_inference_steps=20,
    guidance_scale=7.5,
    seed=4294967295,
    scheduler="EulerAncestralDiscreteScheduler",
    strength=0.6,
    source_sha256="ab" * 32,
)


def ramp(width: int = 48, height: int = 32) -> Image.Image:
    """Red grows to the right, green downwards; blue is 128. Every corner has its own colour."""
    red = Image.linear_gradient("L").rotate(90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, Image.new("L", (width, height), 128)))


def picture(width: int = 48, height: int = 32) -> Picture:
    """`ramp` as the core's `Picture`."""
    return Picture(width, height, ramp(width, height).tobytes())


def encode(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    """A file of the format `name`."""
    out = BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """The file as Pillow itself reads it."""
    return Image.open(BytesIO(data))


def render(recipe: Recipe = RECIPE) -> Render:
    """A finished picture of the recipe's size."""
    return Render(
        picture=picture(recipe.width, recipe.height),
        recipe=recipe,
        steps_run=12,
        seconds=1.5,
        versions={"torch": "2.6", "diffusers": "0.35", "device": "cpu"},
    )
