"""What Details shows: every parameter, and how to make the picture again."""

from collections.abc import Sequence
from typing import Any, Final

from discord import ui

from bot.core.jobs import Generation, Job
from bot.core.recipe import Recipe
from bot.core.requests import Aspect
from cogs.ui.card import shown_prompt

PROMPT_SHOWN: Final = 200
"""Both prompts are whole in the command below. Discord takes 4,000 characters in one message."""


def details_view(job: Job, generations: Sequence[Generation]) -> ui.LayoutView:
    """A private card with all parameters of a job's pictures."""
    first = generations[0] if generations else None
    recipe = first.recipe if first else job.recipe
    lines = [
        *_prompt_lines("Prompt", recipe.prompt, recipe.model_prompt),
        *_prompt_lines("Negative prompt", recipe.negative_prompt, recipe.model_negative_prompt),
        f"**Model** {recipe.model}" + (f" (revision `{recipe.revision}`)" if recipe.revision else ""),
        f"**Size** {recipe.width}\N{MULTIPLICATION SIGN}{recipe.height}",
        f"**Steps** {recipe.num_inference_steps}"
        + (f", of which {first.steps_run} ran" if first and recipe.is_remix else ""),
        f"**Guidance** {recipe.guidance_scale:g}",
        f"**Scheduler** {recipe.scheduler or 'the one that the model brings'}",
    ]
    if recipe.strength is not None:
        lines.append(f"**Strength** {', '.join(f'{r.strength:g}' for r in _recipes(job, generations))}")
        lines.append(f"**Source** `{recipe.source_sha256}`")
    seeds = dict.fromkeys(str(r.seed) for r in _recipes(job, generations))
    lines.append(f"**Seed** {', '.join(seeds)}")
    if first:
        lines.append(f"**Pictures** {', '.join(f'`{g.id}`' for g in generations)}")
        lines.append(f"**Made in** {sum(g.seconds for g in generations):.1f} s")
        lines.append("-# " + ", ".join(f"{name} {version}" for name, version in first.versions.items()))
    if job.error:
        lines.append(f"**Failed** {job.error}")
    lines.append("**Again**")
    container: ui.Container[Any] = ui.Container(
        ui.TextDisplay("\n".join(lines)),
        ui.TextDisplay(f"```\n{again_command(job, recipe)}\n```"),
    )
    view = ui.LayoutView(timeout=None)
    view.add_item(container)
    return view


def _prompt_lines(label: str, written: str, given: str | None) -> list[str]:
    """A prompt as the user wrote it, and what the model was given if that is something else."""
    lines = [f"**{label}** {shown_prompt(written, PROMPT_SHOWN) or '*none*'}"]
    if given is not None:
        lines.append(f"**Given to the model** {shown_prompt(given, PROMPT_SHOWN) or '*nothing*'}")
    return lines


def again_command(job: Job, recipe: Recipe) -> str:
    """The slash command that makes the picture again; for a remix, from the same source."""
    parts = [f"/{'remix' if recipe.is_remix else 'imagine'}"]
    if recipe.prompt:
        parts.append(f"prompt:{_plain(recipe.prompt)}")
    if recipe.strength is not None:
        parts.append(f"strength:{recipe.strength:g}")
        if job.source and job.source.parent_id:
            parts.append(f"source:{job.source.parent_id}")
    if recipe.negative_prompt:
        parts.append(f"negative_prompt:{_plain(recipe.negative_prompt)}")
    aspect = _aspect(recipe)
    if not (recipe.is_remix or aspect is Aspect.SQUARE):  # a remix keeps its source's
        parts.append(f"aspect:{aspect}")
    parts += [
        f"seed:{recipe.seed}",
        f"steps:{recipe.num_inference_steps}",
        f"guidance:{recipe.guidance_scale:g}",
        f"model:{recipe.model}",
    ]
    return " ".join(parts)


def _recipes(job: Job, generations: Sequence[Generation]) -> list[Recipe]:
    return [generation.recipe for generation in generations] or list(job.recipes)


def _aspect(recipe: Recipe) -> Aspect:
    """The aspect on offer that is nearest to the picture's shape."""
    return min(Aspect, key=lambda aspect: abs(aspect.ratio - recipe.width / recipe.height))


def _plain(text: str) -> str:
    """Safe within a code block."""
    return " ".join(text.replace("`", "'").split())
