"""The options that several commands share: their ranges and descriptions, said once."""

from typing import Any, Final

from discord import Attachment, Interaction, app_commands

from bot.client import Atelier
from bot.core.requests import MAX_COUNT, MAX_PROMPT, MAX_SEED, Aspect
from bot.core.suggestions import LONGEST, suggest

PromptOption = app_commands.Range[str, 1, MAX_PROMPT]
CountOption = app_commands.Range[int, 1, MAX_COUNT]
SeedOption = app_commands.Range[int, 0, MAX_SEED]
StepsOption = app_commands.Range[int, 1, 100]
GuidanceOption = app_commands.Range[float, 0, 30]
StrengthOption = app_commands.Range[float, 0, 1]
ImageOption = Attachment

DESCRIPTIONS: Final[dict[str, Any]] = {
    "prompt": "What the picture should show",
    "negative_prompt": "What it should not show",
    "aspect": "Its shape, width to height",
    "count": "How many pictures, 1 to 4",
    "seed": "A number that names the noise: the same seed gives the same picture",
    "steps": "Denoising steps; more take longer",
    "guidance": "How closely to follow the prompt",
    "model": "Which model draws",
    "private": "Only you see the answer",
    "strength": "How much to change: near 0 keeps the picture, 1 starts afresh (0.6 if left out)",
    "image": "A picture to start from",
    "source": "One of your pictures, a picture's id, or a link to a message",
    "strengths": "2 to 9 strengths (0.3 0.5 0.7 if left out)",
}
ASPECTS: Final = [
    app_commands.Choice(name=f"{aspect.name.title()} ({aspect.value})", value=aspect.value)
    for aspect in Aspect
]
MOST_CHOICES: Final = 25
"""Discord's limit for autocomplete."""
_CHOICE_NAME: Final = 100


def described(*names: str) -> dict[str, Any]:
    """The descriptions of these options, for `app_commands.describe`."""
    return {name: DESCRIPTIONS[name] for name in names}


async def complete_model(interaction: Interaction[Atelier], current: str) -> list[app_commands.Choice[str]]:
    """Models whose name contains what was typed."""
    found = [
        spec for spec in interaction.client.generation.catalog if current.casefold() in spec.name.casefold()
    ]
    return [
        app_commands.Choice(name=_clip(f"{spec.name} \N{MIDDLE DOT} {spec.description}"), value=spec.name)
        for spec in found[:MOST_CHOICES]
    ]


async def complete_prompt(interaction: Interaction[Atelier], current: str) -> list[app_commands.Choice[str]]:
    """What a model of few words can draw, after what was typed; nothing for a model that reads any prompt.

    What was typed comes first, since Enter takes the first choice; where it is too long for a choice, or
    nothing fits it, there are no choices, and Enter sends it as it is.
    """
    catalog = interaction.client.generation.catalog
    spec = catalog.find(getattr(interaction.namespace, "model", None) or catalog.default)
    if spec is None or spec.lexicon is None:
        return []
    typed = current.strip()
    found = suggest(spec.lexicon, current, MOST_CHOICES) if len(typed) <= LONGEST else []
    prompts = dict.fromkeys([typed, *found] if typed and found else found)
    return [app_commands.Choice(name=prompt, value=prompt) for prompt in list(prompts)[:MOST_CHOICES]]


async def complete_source(interaction: Interaction[Atelier], current: str) -> list[app_commands.Choice[str]]:
    """The user's own pictures whose id or prompt matches what was typed."""
    page = await interaction.client.gallery.page(interaction.user.id, matching=current)
    return [
        app_commands.Choice(name=_clip(f"{g.id} \N{MIDDLE DOT} {g.recipe.prompt or 'no prompt'}"), value=g.id)
        for g in page.generations[:MOST_CHOICES]
    ]


def _clip(name: str) -> str:
    return name if len(name) <= _CHOICE_NAME else name[: _CHOICE_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
