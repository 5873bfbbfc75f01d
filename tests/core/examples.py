"""Models, recipes, jobs and pictures, made from the few values that a test is about."""

from dataclasses import replace
from typing import Any

from bot.core.catalog import Catalog, ModelSpec
from bot.core.ids import new_generation_id, new_job_id
from bot.core.jobs import Generation, Job, Origin
from bot.core.lexicon import Lexicon, Style, Thing
from bot.core.recipe import Recipe
from bot.core.requests import Kind, Source
from bot.core.vocabulary import Entry

ANNA, BERT, CARL = 1001, 1002, 1003
STUDIO = 501
TINY = ModelSpec(
    name="tiny",
    source="somebody/tiny",
    width=128,
    height=128,
    max_side=256,
    num_inference_steps=12,
    guidance_scale=5.0,
)
PLAIN = ModelSpec(name="Plain", source="somebody/plain", revision="main", scheduler="DDIMScheduler")
CATALOG = Catalog((TINY, PLAIN), "tiny")
LEXICON = Lexicon(
    objects=tuple(
        Thing(name=name, group=group, keywords=tuple(keywords.split()))
        for group, name, keywords in [
            ("animals", "cat", "kitten"),
            ("animals", "elephant", ""),
            ("animals", "unicorn", ""),
            ("animals", "bear", "grizzly"),
            ("animals", "camel", "one"),
            ("plants", "tree", ""),
            ("plants", "pine tree", "evergreen pine"),
            ("plants", "maple leaf", ""),
            ("food", "orange", "tangerine"),
            ("food", "grapes", ""),
            ("food", "cherries", ""),
            ("food", "hot dog", "sausage"),
            ("vehicles", "taxi", "cab cars yellow"),
            ("vehicles", "car", ""),
            ("sky", "planet", "saturn"),
            ("things", "teddy bear", "teddy toy"),
            ("things", "shirt", "blue"),
            ("things", "sunglasses", "glasses"),
            ("things", "pencil", ""),
            ("things", "camera", "photo"),
        ]
    ),
    styles=(
        Style(name="3d", form="a 3d {}", keywords=("render", "3-d")),
        Style(name="pencil sketch", form="a pencil sketch of a {}", keywords=("pencil", "sketch", "drawing")),
        Style(name="neon", form="a neon {}", keywords=("glowing", "sign")),
        Style(name="pixel art", form="pixel art of a {}", keywords=("pixel", "8-bit")),
        Style(name="cartoon", form="a cartoon {}", keywords=("comic", "sticker")),
    ),
    default_style="3d",
    colours=(
        Entry(name="white"),
        Entry(name="orange"),
        Entry(name="blue", keywords=("azure", "sky")),
        Entry(name="red"),
    ),
)
"""A word or two of every kind that is hard to read."""
STARTER = replace(TINY, name="starter", lexicon=LEXICON)
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
