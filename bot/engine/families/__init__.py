"""One adapter per family of models that can share a forward. A new family is one more file, named here."""

from typing import Any

from bot.engine.families.family import Family
from bot.engine.families.stable_diffusion import StableDiffusion
from bot.engine.families.stable_diffusion_xl import StableDiffusionXL

_FAMILIES: tuple[type[StableDiffusion], ...] = (StableDiffusion, StableDiffusionXL)


def find_family(pipeline: Any, *, compiled: bool = False) -> Family | None:
    """The adapter for a loaded text-to-image pipeline; None when only its own `__call__` knows how.

    Args:
        compiled: let torch compile UNet and VAE for the shapes that are warmed up.
    """
    for family in _FAMILIES:
        if family.fits(pipeline):
            return family(pipeline, compiled=compiled)
    return None
