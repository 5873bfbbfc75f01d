"""A job's request once more: the same but for the seed."""

from typing import Any

from bot.core.jobs import Job
from bot.core.requests import ImagineRequest, Kind, LadderRequest, RemixRequest


def request_again(job: Job, index: int | None = None) -> ImagineRequest:
    """The request of a job, or of its picture `index` alone, without a seed of its own."""
    recipes = job.recipes if index is None else (job.recipes[index],)
    first = recipes[0]
    shared: dict[str, Any] = {
        "prompt": first.prompt,
        "negative_prompt": first.negative_prompt,
        "size": (first.width, first.height),
        # The least, for a ladder's low strengths may have raised the steps of their own tiles.
        "num_inference_steps": min(recipe.num_inference_steps for recipe in recipes),
        "guidance_scale": first.guidance_scale,
        "model": first.model,
    }
    if job.source is None:
        return ImagineRequest(count=len(recipes), **shared)
    if job.kind is Kind.LADDER and index is None:
        strengths = tuple(recipe.strength or 0.0 for recipe in recipes)
        return LadderRequest(source=job.source, strengths=strengths, **shared)
    return RemixRequest(source=job.source, strength=first.strength or 0.0, count=len(recipes), **shared)
