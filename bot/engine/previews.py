"""What a picture looks like while it forms: latents to colours by a linear map.

The first principal directions of Stable Diffusion's latents are close to colours (Turner 2022, "Decoding
latents to RGB without upscaling", discuss.huggingface.co/t/23204). The map is not copied from a table but
fitted once per model to what its own VAE makes of a chart of colours, so it works for any VAE.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere

from bot.core.jobs import Picture
from bot.engine.families.family import Family

SIDE: Final = 256
"""Longest side of a preview, in pixels."""
GAP: Final = 1.0
"""Least seconds between two previews of one picture."""
MOST_SHARE: Final = 0.02
"""Of the device's time that previews may take; beyond it they are left out."""
_CHART: Final = 256
_CHART_SEED: Final = 7
_RIDGE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Previews:
    """A fitted map: (channels + 1, 3), the last row being the constant."""

    colours: torch.Tensor

    def picture(self, latents: torch.Tensor) -> Picture:
        """A small picture of (1, channels, height, width) latents, smoothly enlarged."""
        channels = latents[0].float().movedim(0, -1)
        rgb = (channels @ self.colours[:-1] + self.colours[-1]).clamp(0, 1).movedim(-1, 0)[None]
        scale = SIDE / max(rgb.shape[-2:])
        large = F.interpolate(rgb, scale_factor=scale, mode="bicubic", align_corners=False).clamp(0, 1)
        pixels = (large[0] * 255).round().to(torch.uint8).movedim(0, -1).cpu().numpy()
        height, width, _ = pixels.shape
        return Picture(width, height, pixels.tobytes())


def fit_previews(family: Family) -> Previews:
    """Encode a chart of colours, and fit the map to it by least squares."""
    cell = _CHART // family.latent_shape(_CHART, _CHART)[-1] * 4  # four latents wide: mostly one colour each
    count = _CHART // cell
    colours = np.random.default_rng(_CHART_SEED).integers(0, 256, (count, count, 3), np.uint8)
    chart = colours.repeat(cell, 0).repeat(cell, 1)
    encoded = family.encode_image(Picture(_CHART, _CHART, chart.tobytes()))
    latents = family.sample_latents(encoded, torch.Generator("cpu").manual_seed(0))[0].float()
    inputs = latents.flatten(1).T
    inputs = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1).cpu()
    pixels = torch.from_numpy(chart.astype(np.float32) / 255).movedim(-1, 0)[None]
    wanted = F.adaptive_avg_pool2d(pixels, latents.shape[-2:])[0].flatten(1).T
    ridge = _RIDGE * len(inputs) * torch.eye(inputs.shape[1])
    map_ = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ wanted)
    return Previews(map_.to(latents.device))
