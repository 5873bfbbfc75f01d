"""What the step engine asks of a family of models. Tensors come and go; nothing is kept per request."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch

from bot.core.jobs import Picture

DECODES_AT_ONCE: Final = 4
"""On a GPU. A CPU gains nothing from more than one, and others would wait for it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A prompt as the model reads it."""

    embeds: torch.Tensor
    """(1, tokens, width)"""
    pooled: torch.Tensor | None = None
    """(1, width), for families that have one."""
    cut: str = ""
    """The end of the prompt that the tokenizer dropped."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a forward."""

    latents: torch.Tensor
    """(1, channels, height, width), scaled for the model by its own scheduler."""
    timestep: float
    condition: Condition
    guidance_scale: float
    """For models that are told it instead of being guided by a second row (LCM)."""


class Family(Protocol):
    """Explicit tensors in and out, on the device's thread.

    Every method may raise what torch raises; the caller tells running out of memory from the rest.
    """

    device: str
    dtype: torch.dtype

    def new_scheduler(self, name: str | None) -> Any:
        """A diffusers scheduler of its own for one request. Raises ValueError for an unknown name."""
        ...

    def is_guided(self, guidance_scale: float) -> bool:
        """Whether a request at this guidance needs an unconditional row."""
        ...

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(1, channels, height, width) of the latents of a picture of width x height pixels."""
        ...

    def encode_prompt(self, prompt: str) -> Condition:
        """A prompt, read."""
        ...

    def encode_negative(self, negative_prompt: str) -> Condition:
        """The unconditional side; "" for no negative prompt."""
        ...

    def encode_image(self, picture: Picture) -> Any:
        """A picture's place among the latents: what `sample_latents` takes, the same for every seed."""
        ...

    def sample_latents(self, encoded: Any, generator: torch.Generator) -> torch.Tensor:
        """(1, channels, height, width) latents drawn from there, scaled as the UNet expects them."""
        ...

    def predict(self, rows: Sequence[Row], pad_to: int = 0) -> torch.Tensor:
        """(rows, channels, height, width): what the model predicts for each row.

        Args:
            rows: all of one size.
            pad_to: run at least so many rows; what is made up is cut off again.
        """
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(count, channels, height, width) latents to (count, 3, pixels, pixels) in 0 to 1, float32."""
        ...

    @property
    def has_checker(self) -> bool:
        """Whether the model has a safety checker of its own: nobody sees a picture before that has."""
        ...

    def is_flagged(self, image: torch.Tensor) -> bool:
        """Whether the model's own safety checker, if any, holds a decoded (1, 3, height, width) back."""
        ...

    def use_tiles(self) -> bool:
        """Encode and decode in tiles from now on, with less memory; False when it does or cannot."""
        ...

    def warm_up(self, rows: int, width: int, height: int) -> None:
        """Run a forward of `rows` made-up rows to its end."""
        ...

    def compiling(self) -> AbstractContextManager[None]:
        """While it lasts, `warm_up` also makes a program of each shape, where that is wanted."""
        ...

    def is_even(self, rows: int, width: int, height: int) -> bool:
        """Whether a row comes out the same to the last bit at every place of a forward of `rows`.

        It depends on how the device splits the work: on a CPU with two threads six rows do not, eight do.
        """
        ...

    def synchronize(self) -> None:
        """Wait until the device has done what it was asked for."""
        ...
