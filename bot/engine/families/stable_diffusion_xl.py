"""Stable Diffusion XL, its Turbo and Lightning distillations: two text encoders, sizes told to the UNet.

The oracle is diffusers' `StableDiffusionXLPipeline` and `StableDiffusionXLImg2ImgPipeline`. The refiner,
which is told an aesthetic score instead of a size, stays with its own pipeline.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch

from bot.engine.families.family import Condition, Row
from bot.engine.families.stable_diffusion import StableDiffusion
from bot.engine.tokens import prompt_cut


class StableDiffusionXL(StableDiffusion):
    """Implements `Family`."""

    pipeline_class: ClassVar = "StableDiffusionXLPipeline"

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        # The invisible watermark is an extra package's; where it is there, the pipeline puts it on.
        return super().fits(pipeline) and pipeline.text_encoder is not None and pipeline.watermark is None

    def encode_prompt(self, prompt: str) -> Condition:
        embeds, _, pooled, _ = self.pipeline.encode_prompt(
            prompt=prompt, device=self.device, do_classifier_free_guidance=False
        )
        return Condition(embeds.to(self.dtype), pooled.to(self.dtype), prompt_cut(self.pipeline, prompt))

    def encode_negative(self, negative_prompt: str) -> Condition:
        read = self.encode_prompt(negative_prompt)
        if negative_prompt or not self.pipeline.config.force_zeros_for_empty_prompt or read.pooled is None:
            return read
        return Condition(torch.zeros_like(read.embeds), torch.zeros_like(read.pooled))

    def _extras(self, rows: Sequence[Row]) -> dict[str, Any]:
        height, width = (side * self.pipeline.vae_scale_factor for side in rows[0].latents.shape[-2:])
        # Original size, crop from the top left, target size.
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=self.device)
        pooled = torch.cat([row.condition.pooled for row in rows if row.condition.pooled is not None])
        told = {"text_embeds": pooled, "time_ids": sizes.repeat(len(rows), 1)}
        return super()._extras(rows) | {"added_cond_kwargs": told}

    def _encode(self, image: torch.Tensor) -> Any:
        if not self.vae.config.force_upcast:
            return super()._encode(image)
        with self._in_float32():
            return super()._encode(image.float())

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        mean, std = self._statistics(latents)
        latents = latents * std / self.vae.config.scaling_factor + mean
        latents = latents.contiguous(memory_format=self._format)
        # Half precision overflows in this VAE, and the picture turns black.
        if self.dtype == torch.float16 and self.vae.config.force_upcast:
            with self._in_float32():
                image = self._decode(latents.float(), return_dict=False)[0]
        else:
            image = self._decode(latents, return_dict=False)[0]
        return (image * 0.5 + 0.5).clamp(0, 1).float()

    def _normalize(self, latents: torch.Tensor) -> torch.Tensor:
        mean, std = self._statistics(latents)
        return (latents - mean) * self.vae.config.scaling_factor / std

    def _statistics(self, latents: torch.Tensor) -> tuple[Any, Any]:
        """Mean and deviation of the latents of each channel, for the VAEs that tell them; else 0 and 1."""
        config = self.vae.config
        told = [getattr(config, name, None) for name in ("latents_mean", "latents_std")]
        if None in told:
            return 0.0, 1.0
        mean, std = (
            torch.tensor(values, dtype=latents.dtype, device=latents.device).view(1, -1, 1, 1)
            for values in told
        )
        return mean, std

    @contextmanager
    def _in_float32(self) -> Iterator[None]:
        try:
            self.vae.to(dtype=torch.float32)
            yield
        finally:
            self.vae.to(dtype=self.dtype)
