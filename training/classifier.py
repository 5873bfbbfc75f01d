"""The judge's eye: a small ResNet that names the object and the style of a 64 px picture.

    python -m training.classifier --steps 1900

It learns from real pictures alone, augmented further, and is tested on rounds that it never saw.
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

from training.checkpoints import DEVICE, LOG_EVERY, Run, autocast, averaged
from training.latents import THUMBNAIL, load_rounds
from training.places import WORK
from training.styles import STYLES
from training.variants import Variant, load

CHECKPOINT = WORK / "classifier.pt"
BATCH = 128
HELD_OUT = 2
"""The last rounds, kept for the test."""


class Block(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inward, outward, 3, stride, 1, bias=False)
        self.two = nn.Conv2d(outward, outward, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(8, outward) for _ in range(2))
        self.short = nn.Conv2d(inward, outward, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.norms[0](self.one(x)))
        return F.relu(self.norms[1](self.two(inner)) + self.short(x))


class Classifier(nn.Module):
    """Pictures `(batch, 3, 64, 64)` in 0..1 to logits of object and of style."""

    def __init__(self, things: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 5, 2, 2), nn.ReLU(),
            Block(32, 64, 2), Block(64, 128, 2), Block(128, 192, 2), Block(192, 256, 2),
        )  # fmt: skip
        self.things = nn.Linear(256, things)
        self.styles = nn.Linear(256, len(STYLES))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        states = self.body(pictures * 2 - 1).mean(dim=(2, 3))
        return self.things(states), self.styles(states)


def augmented(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shifted, sometimes softened, with a change of light and a little noise."""
    count = len(pictures)
    theta = torch.eye(2, 3).repeat(count, 1, 1)
    theta[:, 0, 0] *= torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    theta += (torch.rand(count, 2, 3, generator=generator) - 0.5) * 0.24
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    soft = F.avg_pool2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, 1)
    blend = torch.rand(count, 1, 1, 1, generator=generator)
    light = 1 + (torch.rand(count, 3, 1, 1, generator=generator) - 0.5) * 0.3
    noise = torch.randn(moved.shape, generator=generator) * 0.04
    return (moved.lerp(soft, blend) * light + noise).clamp(0, 1)


def truth(variants: list[Variant]) -> tuple[torch.Tensor, torch.Tensor]:
    """The numbers of object and style."""
    styles = list(STYLES)
    return torch.tensor([v.thing for v in variants]), torch.tensor([styles.index(v.style) for v in variants])


@torch.no_grad()
def look(classifier: Classifier, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of many pictures, of any size, in 0..1."""
    small = F.adaptive_avg_pool2d(pictures, THUMBNAIL)
    parts = [classifier(part.to(DEVICE)) for part in small.split(256)]
    return torch.cat([things.cpu() for things, _ in parts]), torch.cat([styles.cpu() for _, styles in parts])


def held_out(rounds: int) -> dict[str, float]:
    """How often the trained classifier is right on real pictures that it never saw."""
    art = load()
    classifier = averaged(CHECKPOINT, lambda: Classifier(len(art)))
    pictures = load_rounds(art, range(rounds - HELD_OUT + 1, rounds + 1))
    things, styles = truth(pictures.variants)
    said_things, said_styles = look(classifier, pictures.thumbnails.float() / 255)
    return {
        "judge_top1_held_out": float((said_things.argmax(1) == things).float().mean()),
        "judge_style_held_out": float((said_styles.argmax(1) == styles).float().mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1900)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(0)
    art = load()
    pictures = load_rounds(art, range(options.rounds - HELD_OUT + 1))
    things, styles = truth(pictures.variants)
    run = Run(Classifier(len(art)), CHECKPOINT, options.steps, rate=2e-3, decay=0.99)
    for generator in run.loop():
        picks = torch.randint(len(things), (BATCH,), generator=generator)
        batch = augmented(pictures.thumbnails[picks].float() / 255, generator).to(DEVICE)
        with autocast():
            said_things, said_styles = run.model(batch)
        wanted, wanted_styles = things[picks].to(DEVICE), styles[picks].to(DEVICE)
        wrong = F.cross_entropy(said_things.float(), wanted, label_smoothing=0.05)
        loss = wrong + F.cross_entropy(said_styles.float(), wanted_styles)
        value = run.learn(loss)
        if run.step % LOG_EVERY == 0:
            right = (said_things.argmax(1) == wanted).float().mean()
            print(f"classifier {run.step}/{options.steps} loss {value:.3f} right {right:.2f}", flush=True)
    print(held_out(options.rounds))


if __name__ == "__main__":
    main()
