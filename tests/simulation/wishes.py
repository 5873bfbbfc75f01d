"""What all kinds of users ask for."""

from random import Random
from typing import Any

from bot.core.jobs import Picture
from bot.core.recipe import Recipe
from bot.core.requests import Aspect, ImagineRequest, LadderRequest, RemixRequest, Source
from tests.core.stores import plain_file

A_SOURCE_FILE = plain_file(Picture(64, 64, b"red" * 64 * 64))


def a_wish(rng: Random, prompt: str, source: Source) -> ImagineRequest:
    """Seven in ten imagine, two remix, one wants a ladder; steps, guidance, shapes and counts are mixed."""
    wish: dict[str, Any] = {
        "prompt": prompt,
        "num_inference_steps": rng.choice([8, 12, 20, 25, 30, 50]),
        "guidance_scale": rng.choice([1.0, 5.0, 7.5, 7.5]),
        "aspect": rng.choice([None, None, None, Aspect.PORTRAIT, Aspect.LANDSCAPE, Aspect.WIDE]),
    }
    kind = rng.random()
    if kind < 0.1:
        return LadderRequest(source=source, **wish)
    wish["count"] = rng.choice([1, 1, 1, 2, 4])
    return RemixRequest(source=source, **wish) if kind < 0.3 else ImagineRequest(**wish)


def uneven(recipe: Recipe) -> float:
    """How long a job takes in truth, as a multiple of what was thought: 0.7 to 1.3, by its prompt."""
    return Random(recipe.prompt).uniform(0.7, 1.3)  # noqa: S311 - no secret
