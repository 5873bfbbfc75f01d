"""Encodes the training pictures once, so that the denoiser never waits for a picture.

    python -m training.latents --rounds 7

Each round is a file of its own with one picture of every object and style: round 0 is canonical
(centred, upright, on white), the others are placed at random, on backgrounds named or not. Beside the
latents lie thumbnails of 64 px: the judge learns from them.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from training.checkpoints import DEVICE, autocast, averaged
from training.codec import CHECKPOINT as CODEC
from training.codec import build
from training.places import WORK
from training.styles import COLOURS, STYLES
from training.variants import NAMED, Art, Variant, draw, load

FOLDER = WORK / "latents"
THUMBNAIL = 64
CHUNK = 32


@dataclass(frozen=True, slots=True)
class Pictures:
    """Many pictures: what they show, their latents (float16) and thumbnails (uint8)."""

    variants: list[Variant]
    latents: torch.Tensor
    thumbnails: torch.Tensor


def variants_of(art: Art, number: int) -> list[Variant]:
    """What round `number` shows."""
    generator = torch.Generator().manual_seed(number)
    variants = []
    for thing in range(len(art)):
        for style in STYLES:
            named = number > 0 and bool(torch.rand(1, generator=generator) < NAMED)
            pick = int(torch.randint(len(COLOURS), (1,), generator=generator))
            variants.append(Variant(thing, style, list(COLOURS)[pick] if named else None))
    return variants


@torch.no_grad()
def encode_round(art: Art, number: int, folder: Path = FOLDER) -> None:
    """Writes one round, unless it is there."""
    path = folder / f"{number:02}.pt"
    if path.exists():
        return
    codec = averaged(CODEC, build)
    generator = torch.Generator().manual_seed(1000 + number)
    variants = variants_of(art, number)
    latents, thumbnails = [], []
    for start in range(0, len(variants), CHUNK):
        pictures = draw(art, variants[start : start + CHUNK], generator, spread=float(number > 0))
        thumbnails.append((F.adaptive_avg_pool2d(pictures, THUMBNAIL) * 255).round().byte())
        pictures = (pictures * 2 - 1).to(DEVICE, memory_format=torch.channels_last)
        with autocast():
            latents.append(codec.encoder(pictures).half().cpu().contiguous())
    folder.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    torch.save({"latents": torch.cat(latents), "thumbnails": torch.cat(thumbnails)}, beside)
    beside.replace(path)


def load_rounds(art: Art, numbers: range, folder: Path = FOLDER) -> Pictures:
    """The pictures of those rounds.

    Raises:
        FileNotFoundError: a round has not been encoded yet.
    """
    files = [torch.load(folder / f"{number:02}.pt", weights_only=True) for number in numbers]
    return Pictures(
        variants=[variant for number in numbers for variant in variants_of(art, number)],
        latents=torch.cat([file["latents"] for file in files]),
        thumbnails=torch.cat([file["thumbnails"] for file in files]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    art = load()
    for number in range(parser.parse_args().rounds + 1):
        encode_round(art, number)
        print(f"round {number} is encoded", flush=True)


if __name__ == "__main__":
    main()
