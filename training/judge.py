"""What the starter can do, measured by an eye that never saw a generated picture.

    python -m training.judge --json

Keys: `top1`, `top5`, `style` over 300 label prompts; `top5_unseen_pairs` over pairs of object and style
that the denoiser never saw; `top5_paraphrase` over 100 prompts that use keywords, as the bot hands them on
(`top5_paraphrase_raw`: without the bot's rewriting); `seed_diversity`, the mean distance between 8 seeds
of one prompt relative to that between training pictures of one caption; and the remix figures.
Distances are root mean squares over 64 px pictures in 0..1.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from PIL import Image

from bot.core.lexicon import Lexicon
from training.captions import label_prompt
from training.checkpoints import averaged
from training.classifier import CHECKPOINT, Classifier, held_out, look
from training.latents import THUMBNAIL
from training.places import STARTER
from training.sheets import GUIDANCE, STEPS, make
from training.styles import STYLES
from training.variants import Art, Variant, draw, load, unseen

STRENGTHS = (0.2, 0.3, 0.5, 0.7, 0.9)
OBJECT_KEPT, OBJECT_NEW = 0.3, 0.8
REMIXES = 40
DIVERSITY_PROMPTS, DIVERSITY_SEEDS = 20, 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """Shares, 0 to 1, of pictures whose object is the judge's first guess, among five, and whose style is."""

    top1: float
    top5: float
    style: float


class Judge:
    """Looks at pictures."""

    def __init__(self, art: Art) -> None:
        self.classifier: Classifier = averaged(CHECKPOINT, lambda: Classifier(len(art)))

    def guesses(self, pictures: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        """`(pictures, 5)` objects, likeliest first, and `(pictures,)` styles."""
        things, styles = look(self.classifier, tensor(pictures))
        return things.topk(5).indices, styles.argmax(1)

    def verdict(self, pictures: Sequence[Image.Image], asked: Sequence[tuple[int, str]]) -> Verdict:
        """How often it sees what was asked for."""
        things, styles = self.guesses(pictures)
        wanted = torch.tensor([thing for thing, _ in asked])
        wanted_styles = torch.tensor([list(STYLES).index(style) for _, style in asked])
        return Verdict(
            top1=share(things[:, 0] == wanted),
            top5=share((things == wanted[:, None]).any(1)),
            style=share(styles == wanted_styles),
        )


def share(hits: torch.Tensor) -> float:
    """The mean of booleans, to three places."""
    return round(float(hits.float().mean()), 3)


def tensor(pictures: Sequence[Image.Image]) -> torch.Tensor:
    """`(pictures, 3, 64, 64)` in 0..1."""
    stacked = torch.from_numpy(np.stack([np.asarray(p.convert("RGB")) for p in pictures]))
    return F.adaptive_avg_pool2d(stacked.permute(0, 3, 1, 2).float() / 255, THUMBNAIL)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Root mean square of the difference."""
    return float((one - other).square().mean().sqrt())


def spread(pictures: torch.Tensor) -> float:
    """Mean distance of all pairs."""
    return float(np.mean([distance(a, b) for a, b in combinations(pictures, 2)]))


def asked_pairs(things: int, count: int, step: int) -> list[tuple[int, str]]:
    """`count` pairs that go through all objects, and through the styles at another pace."""
    styles = list(STYLES)
    return [(i * step % things, styles[(i + 2 * (i // things)) % len(styles)]) for i in range(count)]


def adherence(art: Art, judge: Judge, pipeline: StableDiffusionPipeline) -> dict[str, float]:
    """How well label prompts are followed."""
    pairs = asked_pairs(len(art), 300, 1)
    seen = judge.verdict(make(pipeline, [label_prompt(art.names[t], s) for t, s in pairs], 1), pairs)
    hidden = sorted(unseen(len(art)))
    new = judge.verdict(make(pipeline, [label_prompt(art.names[t], s) for t, s in hidden], 1000), hidden)
    return {
        "objects": len({thing for thing, _ in pairs}),
        "top1": seen.top1,
        "top5": seen.top5,
        "style": seen.style,
        "unseen_pairs": len(hidden),
        "top1_unseen_pairs": new.top1,
        "top5_unseen_pairs": new.top5,
        "style_unseen_pairs": new.style,
    }


def paraphrases(art: Art, judge: Judge, pipeline: StableDiffusionPipeline) -> dict[str, float]:
    """How well prompts are followed that use other words than the labels, with the bot's help and without."""
    lexicon = Lexicon.from_json((STARTER / "lexicon.json").read_text("utf-8"))
    worded = [thing for thing in range(len(art)) if art.keywords[thing]]
    styles = list(STYLES)
    asked, prompts = [], []
    for i in range(100):
        thing = worded[i * len(worded) // 100]
        words = art.keywords[thing]
        asked.append((thing, styles[i % len(styles)]))
        prompts.append(label_prompt(words[i % len(words)], styles[i % len(styles)]))
    read = judge.verdict(make(pipeline, [lexicon.read(p).prompt for p in prompts], 2000), asked)
    raw = judge.verdict(make(pipeline, prompts, 2000), asked)
    return {"top5_paraphrase": read.top5, "top5_paraphrase_raw": raw.top5}


def diversity(art: Art, pipeline: StableDiffusionPipeline) -> dict[str, float]:
    """Whether seeds of one prompt differ, compared with training pictures of one caption."""
    generator = torch.Generator().manual_seed(5)
    made, real = [], []
    for thing, style in asked_pairs(len(art), DIVERSITY_PROMPTS, 13):
        prompts = [label_prompt(art.names[thing], style)] * DIVERSITY_SEEDS
        made.append(spread(tensor(make(pipeline, prompts, 3000))))
        drawn = draw(art, [Variant(thing, style, None)] * DIVERSITY_SEEDS, generator)
        real.append(spread(F.adaptive_avg_pool2d(drawn, THUMBNAIL)))
    return {
        "seed_diversity": round(float(np.mean(made) / np.mean(real)), 3),
        "seed_distance": round(float(np.mean(made)), 4),
        "training_distance": round(float(np.mean(real)), 4),
    }


def remixes(art: Art, judge: Judge, pipeline: StableDiffusionPipeline) -> dict[str, object]:
    """What strength does: 40 pairs of source and prompt that differ in object, in style, or in both."""
    image_to_image = StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)
    image_to_image.set_progress_bar_config(disable=True)
    styles = list(STYLES)
    sources = asked_pairs(len(art), REMIXES, 19)
    targets = [
        (
            thing if i % 3 == 1 else (thing + 97) % len(art),
            style if i % 3 == 0 else styles[(styles.index(style) + 1 + i % 4) % len(styles)],
        )
        for i, (thing, style) in enumerate(sources)
    ]
    pictures = make(pipeline, [label_prompt(art.names[t], s) for t, s in sources], 4000)
    prompts = [label_prompt(art.names[t], s) for t, s in targets]

    @cache
    def remixed(strength: float) -> list[Image.Image]:
        return [
            image_to_image(
                prompt, image=picture, strength=strength, num_inference_steps=STEPS,
                guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(5000 + i),
            ).images[0]
            for i, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True))
        ]  # fmt: skip

    before = tensor(pictures)
    distances = {
        str(strength): round(
            float(np.mean([distance(a, b) for a, b in zip(before, tensor(remixed(strength)), strict=True)])),
            4,
        )
        for strength in STRENGTHS
    }
    old = torch.tensor([thing for thing, _ in sources])
    new = torch.tensor([thing for thing, _ in targets])
    new_styles = torch.tensor([styles.index(style) for _, style in targets])
    old_styles = torch.tensor([styles.index(style) for _, style in sources])
    things, _ = judge.guesses(remixed(OBJECT_KEPT))
    kept = things[:, 0] == old
    things, said_styles = judge.guesses(remixed(OBJECT_NEW))
    # Only what the prompt changed counts: an object or a style that was there before proves nothing.
    arrived = ((things[:, 0] == new) & (new != old)) | (
        (said_styles == new_styles) & (new_styles != old_styles)
    )
    return {
        "remix_distance": distances,
        "remix_distance_grows": all(a < b for a, b in pairwise(distances.values())),
        "remix_object_kept_at_0.3": share(kept),
        "remix_object_kept_at_0.3_where_replaced": share(kept[new != old]),
        "remix_prompt_seen_at_0.8": share(arrived),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=7, help="as many as training.latents made")
    options = parser.parse_args()
    art = load()
    judge = Judge(art)
    pipeline = StableDiffusionPipeline.from_pretrained(STARTER, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    figures: dict[str, object] = {
        **held_out(options.rounds),
        **adherence(art, judge, pipeline),
        **paraphrases(art, judge, pipeline),
        **diversity(art, pipeline),
        **remixes(art, judge, pipeline),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
