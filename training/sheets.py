"""Contact sheets, to see what a model has learnt so far."""

from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image

from training.captions import label_prompt
from training.checkpoints import averaged
from training.codec import CHECKPOINT as CODEC
from training.codec import build as build_codec
from training.styles import STYLES
from training.variants import object_names
from training.words import load_encoder, load_tokenizer

GUIDANCE = 3.0
STEPS = 16


def assemble(unet: UNet2DConditionModel, scheduler: DDIMScheduler) -> StableDiffusionPipeline:
    """The stock pipeline, around a denoiser that may still be learning."""
    tokenizer = load_tokenizer()
    pipeline = StableDiffusionPipeline(
        vae=averaged(CODEC, build_codec),
        text_encoder=load_encoder(tokenizer, len(object_names())),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make(pipeline: StableDiffusionPipeline, prompts: list[str], first_seed: int = 0) -> list[Image.Image]:
    """One picture per prompt; the seed counts up from `first_seed`."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), 16):
        part = prompts[start : start + 16]
        generators = [torch.Generator().manual_seed(first_seed + start + i) for i in range(len(part))]
        pictures += pipeline(
            part, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generators
        ).images
    return pictures


def tile(pictures: list[Image.Image], columns: int, side: int = 128) -> Image.Image:
    """All pictures on one sheet."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), "white")
    for i, picture in enumerate(pictures):
        small = picture.resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(small, (i % columns * side, i // columns * side))
    return sheet


def sample_prompts(names: tuple[str, ...], count: int = 40) -> list[str]:
    """Objects from everywhere in the list, the styles in turn."""
    styles = list(STYLES)
    return [label_prompt(names[i * len(names) // count], styles[i % len(styles)]) for i in range(count)]


def sample_sheet(unet: UNet2DConditionModel, scheduler: DDIMScheduler, path: Path) -> None:
    """Writes a sheet of 40 prompts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prompts = sample_prompts(object_names())
    tile(make(assemble(unet, scheduler), prompts), columns=10).save(path)
