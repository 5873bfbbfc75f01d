"""The oracle: stock diffusers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image

from bot.core.recipe import Recipe
from tests.engine.examples import an_image


@dataclass(frozen=True)
class Made:
    latents: Any
    pixels: Any


class Stock:
    """Diffusers as its own documentation uses it; its latents are taken from its last step."""

    def __init__(self, folder: Path) -> None:
        self.text_to_image = AutoPipelineForText2Image.from_pretrained(folder)
        self.image_to_image = AutoPipelineForImage2Image.from_pretrained(folder)
        for pipeline in (self.text_to_image, self.image_to_image):
            pipeline.set_progress_bar_config(disable=True)
        self._config = self.text_to_image.scheduler.config

    def make(self, recipe: Recipe) -> Made:
        pipeline = self.image_to_image if recipe.is_remix else self.text_to_image
        pipeline.scheduler = getattr(diffusers, recipe.scheduler or "DDIMScheduler").from_config(self._config)
        image = {"image": an_image(), "strength": recipe.strength} if recipe.is_remix else {}
        size = {} if recipe.is_remix else {"width": recipe.width, "height": recipe.height}
        last: list[Any] = []

        def keep(_pipeline: Any, _step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            last[:] = [tensors["latents"].clone()]
            return tensors

        made = pipeline(
            recipe.prompt,
            num_inference_steps=recipe.num_inference_steps,
            guidance_scale=recipe.guidance_scale,
            negative_prompt=recipe.negative_prompt or None,
            generator=torch.Generator("cpu").manual_seed(recipe.seed),
            callback_on_step_end=keep,
            **image,
            **size,
        )
        return Made(last[0], np.array(made.images[0]).astype(int))
