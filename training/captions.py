"""What a picture's caption may say. The same words are offered to users (see `bot/core/lexicon.py`)."""

from typing import Final

import torch

from bot.core.wording import describe, with_articles
from training.styles import DEFAULT_STYLE
from training.variants import Art, Variant

FORMS: Final[dict[str, tuple[str, ...]]] = {
    "3d": ("a 3d {}", "a 3d render of a {}", "3d {}", "a {} in 3d", "a {}", "{}", "a picture of a {}"),
    "cartoon": ("a cartoon {}", "a cartoon of a {}", "cartoon {}", "a {} in cartoon style", "a comic {}"),
    "pencil sketch": (
        "a pencil sketch of a {}", "a sketch of a {}", "a pencil drawing of a {}", "pencil sketch {}",
        "a {} in pencil sketch style",
    ),
    "neon": ("a neon {}", "a neon sign of a {}", "neon {}", "a {} in neon style", "a glowing neon {}"),
    "pixel art": (
        "pixel art of a {}", "a pixel art {}", "pixel art {}", "a {} in pixel art style", "a pixel {}",
    ),
}  # fmt: skip
"""Captions by style; the first is the one that the bot writes for the starter."""

STYLE_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "3d": ("render", "rendering", "realistic", "photo", "photograph", "clay", "3-d"),
    "cartoon": ("comic", "flat", "sticker", "anime", "clipart", "illustration", "vector", "cartoonish"),
    "pencil sketch": ("sketch", "pencil", "drawing", "drawn", "charcoal", "doodle", "sketched"),
    "neon": ("glowing", "glow", "neon sign", "cyberpunk", "synthwave", "luminous"),
    "pixel art": ("pixel", "pixelated", "pixels", "8-bit", "8bit", "16-bit", "sprite", "minecraft", "voxel"),
}
"""Other words for a style."""

COLOUR_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "white": (), "yellow": ("golden",), "orange": (), "red": ("crimson",), "pink": ("rose-coloured",),
    "purple": ("violet", "lilac", "lavender"), "blue": ("azure", "turquoise", "teal"), "green": ("lime",),
    "black": ("dark", "night"),
}  # fmt: skip
"""Other words for a background."""

FILLERS: Final = (
    "cute", "happy", "beautiful", "big", "little", "funny", "old", "magic", "very", "nice", "my", "the",
    "best", "lovely", "sad", "angry", "shiny", "amazing", "detailed", "epic", "simple", "one", "small",
    "new", "dark",
)  # fmt: skip
"""Words that change nothing: learnt so that they do no harm."""

KEYWORD: Final = 0.25
"""How often a caption names an object by one of its keywords."""


def caption(art: Art, variant: Variant, generator: torch.Generator) -> str:
    """One of the many captions of a picture."""

    def pick(count: int) -> int:
        return int(torch.randint(count, (1,), generator=generator))

    def chance(share: float) -> bool:
        return bool(torch.rand(1, generator=generator) < share)

    name = art.names[variant.thing]
    keywords = art.keywords[variant.thing]
    if keywords and chance(KEYWORD):
        name = keywords[pick(len(keywords))]
    if chance(0.15):
        name = f"{FILLERS[pick(len(FILLERS))]} {name}"
    forms = FORMS[variant.style]
    form = forms[0] if chance(0.5) else forms[pick(len(forms))]
    text = describe(form, name)
    if variant.colour:
        text += f" {with_articles(f'on a {variant.colour} background')}"
    return text


def label_prompt(name: str, style: str = DEFAULT_STYLE) -> str:
    """The plain prompt for an object in a style."""
    return describe(FORMS[style][0], name)
