"""Stable Diffusion 1.x and 2.x: epsilon and v-prediction, their Turbo and LCM distillations, and the starter.

Each method is the part of diffusers' `StableDiffusionPipeline` and `StableDiffusionImg2ImgPipeline`
(`__call__`, `prepare_latents`) that it is named after, for one request, without what those keep on the
pipeline; they are its oracle in `tests/engine/test_parity.py`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from PIL import Image

from bot.core.jobs import Picture
from bot.engine.compiled import Compiled
from bot.engine.families.family import DECODES_AT_ONCE, Condition, Row
from bot.engine.schedulers import new_scheduler
from bot.engine.tokens import prompt_cut


class StableDiffusion:
    """Implements `Family` over a loaded pipeline's components."""

    pipeline_class: ClassVar = "StableDiffusionPipeline"

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        """Whether this adapter can stand in for `pipeline`: stock classes, and no picture as a prompt."""
        parts = pipeline.components
        return (
            type(pipeline).__name__ == cls.pipeline_class
            and isinstance(parts["unet"], UNet2DConditionModel)
            and isinstance(parts["vae"], AutoencoderKL | AutoencoderTiny)
            and parts.get("image_encoder") is None
        )

    def __init__(self, pipeline: Any, *, compiled: bool = False) -> None:
        self.pipeline = pipeline
        self.unet, self.vae = pipeline.unet, pipeline.vae
        self.device = str(self.unet.device)
        self.dtype = self.unet.dtype
        self._forward = Compiled(self.unet, "__call__", enabled=compiled)
        self._decode = Compiled(self.vae, "decode", enabled=compiled)
        self._tiled = False
        self._made_up: Condition | None = None
        # What tensor cores read without reordering; on a CPU it is half as fast again.
        self._format = torch.contiguous_format if self.device == "mps" else torch.channels_last
        self.unet.to(memory_format=self._format)
        self.vae.to(memory_format=self._format)

    def new_scheduler(self, name: str | None) -> Any:
        return new_scheduler(self.pipeline.scheduler, name)

    def is_guided(self, guidance_scale: float) -> bool:
        return guidance_scale > 1 and self.unet.config.time_cond_proj_dim is None

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        scale = self.pipeline.vae_scale_factor
        return 1, self.unet.config.in_channels, height // scale, width // scale

    def encode_prompt(self, prompt: str) -> Condition:
        embeds = self.pipeline.encode_prompt(prompt, self.device, 1, False)[0]
        return Condition(embeds.to(self.dtype), cut=prompt_cut(self.pipeline, prompt))

    def encode_negative(self, negative_prompt: str) -> Condition:
        return self.encode_prompt(negative_prompt)

    def encode_image(self, picture: Picture) -> Any:
        image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
        pixels = self.pipeline.image_processor.preprocess(image)
        encoded = self._encode(pixels.to(self.device, self.dtype))
        # A distribution, to be drawn from anew for every seed; AutoencoderTiny has none.
        return encoded.latent_dist if hasattr(encoded, "latent_dist") else encoded.latents

    def _encode(self, image: torch.Tensor) -> Any:
        return self.vae.encode(image)

    def sample_latents(self, encoded: Any, generator: torch.Generator) -> torch.Tensor:
        drawn = encoded if isinstance(encoded, torch.Tensor) else encoded.sample(generator)
        return self._normalize(drawn.to(self.dtype))

    def _normalize(self, latents: torch.Tensor) -> torch.Tensor:
        return self.vae.config.scaling_factor * latents

    def predict(self, rows: Sequence[Row], pad_to: int = 0) -> torch.Tensor:
        count = len(rows)
        rows = [*rows, *[rows[-1]] * (self._forward.padded(max(count, pad_to)) - count)]
        latents = torch.cat([row.latents for row in rows]).contiguous(memory_format=self._format)
        made = self._forward(
            latents,
            torch.tensor([row.timestep for row in rows], dtype=torch.float32, device=self.device),
            encoder_hidden_states=torch.cat([row.condition.embeds for row in rows]),
            return_dict=False,
            **self._extras(rows),
        )[0]
        return made[:count]

    def _extras(self, rows: Sequence[Row]) -> dict[str, Any]:
        """What else the UNet is told: here the guidance, if it was distilled into it."""
        width = self.unet.config.time_cond_proj_dim
        if width is None:
            return {}
        scales = torch.tensor([row.guidance_scale - 1 for row in rows])
        embedded = self.pipeline.get_guidance_scale_embedding(scales, embedding_dim=width)
        return {"timestep_cond": embedded.to(self.device, self.dtype)}

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        latents = (latents / self.vae.config.scaling_factor).contiguous(memory_format=self._format)
        image = self._decode(latents, return_dict=False)[0]
        return (image * 0.5 + 0.5).clamp(0, 1).float()

    @property
    def has_checker(self) -> bool:
        return self.pipeline.components.get("safety_checker") is not None

    def is_flagged(self, image: torch.Tensor) -> bool:
        if not self.has_checker:
            return False
        _, flags = self.pipeline.run_safety_checker((image * 2 - 1).to(self.dtype), self.device, self.dtype)
        # A checker blackens what it flags; a black picture beside one counts as flagged.
        return any(flags or ()) or not bool((image * 255).round().any())

    def use_tiles(self) -> bool:
        if self._tiled or not hasattr(self.vae, "enable_tiling"):
            return False
        self.vae.enable_tiling()
        self._tiled = True
        return True

    def warm_up(self, rows: int, width: int, height: int) -> None:
        self.predict([self._a_row(width, height)] * rows)
        if self._forward.is_warming and rows == 1:
            # The decoder too: one picture, and as many as are decoded at once.
            latents = torch.zeros(self.latent_shape(width, height), dtype=self.dtype, device=self.device)
            for count in (1, DECODES_AT_ONCE):
                self.decode(latents.repeat(count, 1, 1, 1))
        self.synchronize()

    @contextmanager
    def compiling(self) -> Iterator[None]:
        with self._forward.warming(), self._decode.warming():
            yield

    def is_even(self, rows: int, width: int, height: int) -> bool:
        made = self.predict([self._a_row(width, height)] * rows)
        return all(torch.equal(row, made[0]) for row in made)

    def _a_row(self, width: int, height: int) -> Row:
        if self._made_up is None:  # not each time: it would be measured along
            self._made_up = self.encode_prompt("")
        shape = self.latent_shape(width, height)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(self.device, self.dtype)
        return Row(noise, 500.0, self._made_up, 1.0)

    def synchronize(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        elif self.device.startswith("mps"):
            torch.mps.synchronize()
