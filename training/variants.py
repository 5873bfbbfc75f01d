"""Draws training pictures: an object in a style, placed at random, on a background.

Everything random comes from the generator that is handed in, so a seed names a batch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F

from training.places import WORK
from training.styles import CANVAS, COLOURS, SIDE, STYLES, over, pixelate, tinted

NAMED: Final = 0.35
"""How many of the pictures name their background in the caption."""
PLAIN: Final = {"neon": "black", "pencil sketch": "white"}
"""Styles whose background is always this one unless the caption names another."""
SCALE: Final = 0.86
"""Of an emoji within its picture: leaves a cell of the latents free on every side."""
CELL: Final = 16
"""Pixels of a latent cell's side."""
UNSEEN_EVERY: Final = 20
"""One in so many pairs of object and style is never trained on (see `unseen`)."""


@dataclass(frozen=True, slots=True)
class Art:
    """The objects: what they are called, and each in each style (uint8 `(objects, 4, 320, 320)`)."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    styled: dict[str, torch.Tensor]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Variant:
    """What a picture shows. `colour` is None when its caption leaves the background open."""

    thing: int
    style: str
    colour: str | None


def load(work: Path = WORK) -> Art:
    """What `training.prepare` wrote, in all styles."""
    rows = json.loads((work / "objects.json").read_text("utf-8"))
    styled: dict[str, torch.Tensor] = torch.load(work / "styled.pt", weights_only=True)
    return Art(
        names=tuple(row["name"] for row in rows),
        groups=tuple(row["group"] for row in rows),
        keywords=tuple(tuple(row["keywords"]) for row in rows),
        styled=styled,
    )


def object_names(work: Path = WORK) -> tuple[str, ...]:
    """What the objects are called, without loading their pictures."""
    return tuple(row["name"] for row in json.loads((work / "objects.json").read_text("utf-8")))


def unseen(things: int) -> frozenset[tuple[int, str]]:
    """The pairs that neither codec nor denoiser is shown: every twentieth, on a diagonal."""
    styles = list(STYLES)
    pairs = ((thing, k) for thing in range(things) for k in range(len(styles)))
    return frozenset((thing, styles[k]) for thing, k in pairs if (thing * 7 + k * 4) % UNSEEN_EVERY == 0)


def draw(art: Art, variants: list[Variant], generator: torch.Generator, spread: float = 1.0) -> torch.Tensor:
    """Pictures of `variants`, float32 `(len(variants), 3, 256, 256)` in 0..1.

    Args:
        spread: 1 for flips, shifts and any background; 0 for the canonical picture.
    """
    art_layers = torch.stack([art.styled[v.style][v.thing] for v in variants]).float() / 255
    grid = _placement(len(variants), generator, spread)
    placed = F.grid_sample(art_layers, grid, mode="bilinear", align_corners=False)
    squares = [i for i, v in enumerate(variants) if v.style == "pixel art"]
    if squares:
        placed[squares] = pixelate(placed[squares])
    colours = torch.stack([_background(v, generator, spread) for v in variants])
    return over(placed, colours.view(-1, 3, 1, 1)).clamp(0, 1)


def _background(variant: Variant, generator: torch.Generator, spread: float) -> torch.Tensor:
    colour = variant.colour or PLAIN.get(variant.style)
    if colour is None:  # the caption leaves it open: any light one, white more often
        light = [name for name in COLOURS if name != "black"]
        pick = int(torch.randint(len(light) + 3, (1,), generator=generator))
        colour = light[pick] if pick < len(light) and spread else "white"
    return tinted(variant.style, torch.tensor(COLOURS[colour]))


def _placement(count: int, generator: torch.Generator, spread: float) -> torch.Tensor:
    """Sampling grids that flip, and shift by whole cells of the latents, a cell at most, across and down.

    Whole cells, because a shifted picture then has shifted latents, which convolutions learn at no cost.
    Turning and scaling, tried first, gave the denoiser a new set of latents for each placement, and it
    learnt blurs.
    """
    flip = torch.where(torch.rand(count, generator=generator) < 0.5 * spread, -1.0, 1.0)
    cells = torch.randint(-1, 2, (2, count), generator=generator) * spread
    shift = cells * 2 * CELL / CANVAS  # the sampling grid counts in halves of the canvas
    zoom = SIDE / CANVAS / SCALE
    zero = torch.zeros(count)
    across = torch.stack([zoom * flip, zero, -shift[0] * flip / SCALE], 1)
    down = torch.stack([zero, torch.full((count,), zoom), -shift[1] / SCALE], 1)
    theta = torch.stack([across, down], 1)
    return F.affine_grid(theta, [count, 4, SIDE, SIDE], align_corners=False)
