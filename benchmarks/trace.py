"""What sixteen people ask for: the requests of `benchmarks.engine`, the same for every side."""

from itertools import cycle
from typing import Final

from bot.core.catalog import ModelSpec
from bot.core.jobs import Picture
from bot.core.recipe import Recipe, plan
from bot.core.requests import ImagineRequest, RemixRequest, Source

STEPS: Final = (8, 14, 20, 26, 32, 38, 44, 50)
STRENGTHS: Final = (0.3, 0.4, 0.5, 0.55, 0.65, 0.75, 0.8, 0.9)
REMIX_STEPS: Final = 50
THINGS: Final = ("house", "cat", "apple", "robot", "fish", "guitar", "sunflower", "rocket")
STYLES: Final = ("3d", "cartoon", "neon", "pencil sketch of a")
UNGUIDED: Final = 1.0


def mixed(spec: ModelSpec, source: Picture) -> list[Recipe]:
    """Eight pictures of 8 to 50 steps and eight remixes at 0.3 to 0.9, every other one guided."""
    recipes = []
    for number in range(2 * len(STEPS)):
        half = number // 2
        guidance = spec.guidance_scale if half % 2 else UNGUIDED
        prompt = f"a {STYLES[number % len(STYLES)]} {THINGS[half]}"
        if number % 2:
            recipes.append(a_remix(spec, source, STRENGTHS[half], REMIX_STEPS, guidance, number, prompt))
        else:
            request = ImagineRequest(
                prompt=prompt, num_inference_steps=STEPS[half], guidance_scale=guidance, seed=number
            )
            recipes.append(plan(request, spec, 0)[0])
    return recipes


def a_remix(
    spec: ModelSpec, source: Picture, strength: float, steps: int, guidance: float, seed: int, prompt: str
) -> Recipe:
    """One remix of `source`."""
    request = RemixRequest(
        prompt=prompt,
        source=Source(sha256="0" * 64, width=source.width, height=source.height),
        strength=strength,
        num_inference_steps=steps,
        guidance_scale=guidance,
        seed=seed,
    )
    return plan(request, spec, 0)[0]


def long_ones(spec: ModelSpec, count: int) -> list[Recipe]:
    """Guided pictures of 50 steps."""
    return [
        plan(ImagineRequest(prompt=f"a neon {thing}", num_inference_steps=50, seed=seed), spec, 0)[0]
        for seed, thing in zip(range(count), cycle(THINGS), strict=False)
    ]


def short_ones(spec: ModelSpec, source: Picture, count: int) -> list[Recipe]:
    """Remixes that run 8 steps."""
    return [
        a_remix(spec, source, 0.5, 16, (UNGUIDED, spec.guidance_scale)[seed % 2], seed, f"a neon {thing}")
        for seed, thing in enumerate(THINGS[:count])
    ]
