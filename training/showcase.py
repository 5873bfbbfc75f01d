"""The pictures of the model card: 64 fresh prompts, each with its seed, first try.

    python -m training.showcase

The prompts come from one random seed: nothing was picked out.
"""

import random
from typing import Final

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw, ImageFont

from bot.core.lexicon import Lexicon
from training.places import ROOT, STARTER
from training.sheets import make

OUT: Final = ROOT / "docs" / "images" / "starter.webp"
COUNT, COLUMNS = 64, 8
SIDE, LABEL = 160, 30
PANEL, TEXT = "#1e1f22", "#f2f3f5"


def prompts(lexicon: Lexicon, seed: int = 64) -> list[str]:
    """Objects without a repeat, all styles alike, every third on a background."""
    chance = random.Random(seed)
    things = chance.sample(lexicon.objects, COUNT)
    texts = []
    for i, thing in enumerate(things):
        style = lexicon.styles[i % len(lexicon.styles)].name
        colour = chance.choice(lexicon.colours).name if i % 3 == 0 else None
        texts.append(lexicon.phrase(thing.name, style, colour))
    return texts


def labelled(pictures: list[Image.Image], labels: list[str]) -> Image.Image:
    """A dark sheet, so that it reads in light and dark themes alike."""
    gap = 8
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + gap) + gap, rows * (SIDE + LABEL + gap) + gap), PANEL)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = gap + i % COLUMNS * (SIDE + gap), gap + i // COLUMNS * (SIDE + LABEL + gap)
        sheet.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (x, y))
        thing, on, scenery = label.partition(" on a")
        pen.text((x + SIDE // 2, y + SIDE + 2), thing, TEXT, font, anchor="ma")
        if scenery:
            pen.text((x + SIDE // 2, y + SIDE + 15), f"{on}{scenery}".strip(), TEXT, font, anchor="ma")
    return sheet


def main() -> None:
    lexicon = Lexicon.from_json((STARTER / "lexicon.json").read_text("utf-8"))
    pipeline = StableDiffusionPipeline.from_pretrained(STARTER, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    texts = prompts(lexicon)
    labelled(make(pipeline, texts, 6400), texts).save(OUT, quality=82, method=6)
    print(OUT)


if __name__ == "__main__":
    main()
