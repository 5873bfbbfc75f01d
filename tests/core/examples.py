"""Models, recipes, jobs and pictures, made from the few values that a test is about."""

from dataclasses import replace
from typing import Any

from bot.core.catalog import Catalog, ModelSpec
from bot.core.ids import new_generation_id, new_job_id
from bot.core.jobs import Generation, Job, Origin
from bot.core.recipe import Recipe
from bot.core.requests import Kind, Source

ANNA, BERT, CARL = 1001, 1002, 1003
STUDIO = 501
TINY = ModelSpec(
    name="tiny",
    source="builtin:tiny",
    width=128,
    height=128,
    max_side=256,
    num_inference_steps=12,
    guidance_scale=5.0,
)
PLAIN = ModelSpec(name="Plain", source="somebody/plain", revision="main", scheduler="DDIMScheduler")
CATALOG = Catalog((TINY, PLAIN), "tiny")
SOURCE = Source(sha256="5" * 64, width=64, height=64, prompt="a fox")
RECIPE = Recipe(
    model="tiny",
    revision=None,
    prompt="a fox",
    negative_prompt="",
    width=128,
    height=128,
    num_inference_steps=12,
    guidance_scale=5.0,
    seed=7,
)


def a_recipe(**changes: Any) -> Recipe:
    """A recipe that differs from `RECIPE` in `changes`."""
    return replace(RECIPE, **changes)


def a_job(*recipes: Recipe, user: int = ANNA, source: Source | None = None, **changes: Any) -> Job:
    """A job of these recipes: a remix where it has a source."""
    job = Job(
        id=new_job_id(),
        kind=Kind.REMIX if source else Kind.IMAGINE,
        origin=Origin(user_id=user, guild_id=9, channel_id=STUDIO),
        recipes=recipes or (RECIPE,),
        source=source,
    )
    return replace(job, **changes)


def a_generation(*, user: int = ANNA, private: bool = False, **changes: Any) -> Generation:
    """A finished picture."""
    generation = Generation(
        id=new_generation_id(),
        job_id=new_job_id(),
        index=0,
        kind=Kind.IMAGINE,
        origin=Origin(user_id=user, guild_id=9, channel_id=STUDIO, private=private),
        recipe=RECIPE,
        image_sha256="1" * 64,
    )
    return replace(generation, **changes)
