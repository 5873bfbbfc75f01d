"""The five styles: filters that turn an emoji's two renderings, 3D and flat, into one picture.

All of them start from the same outline, so that a style is learnt as a rendering and not as another
thing: that is what lets the model draw pairs of object and style that it never saw.

A picture is *premultiplied RGBA*, float32 `(batch, 4, height, width)` in 0..1: what it adds, and how much
of the background it hides. Neon adds light and hides nothing; pencil hides paper and adds nothing.
"""

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F

SIDE: Final = 256
"""Pixels of a training picture's side, and of an emoji's."""
CANVAS: Final = 320
"""Pixels of a styled emoji's side: shadows, outlines and glow reach beyond the emoji."""
PIXEL_SIDE: Final = 32
"""Squares along a side of pixel art: 8 pixels each, so that two by two fill one cell of the latents."""
WIDE: Final = 5.0
INK: Final = (0.13, 0.09, 0.18)

COLOURS: Final[dict[str, tuple[float, float, float]]] = {
    "white": (0.98, 0.98, 0.97),
    "yellow": (1.00, 0.87, 0.40),
    "orange": (1.00, 0.68, 0.38),
    "red": (0.91, 0.36, 0.36),
    "pink": (1.00, 0.74, 0.84),
    "purple": (0.71, 0.60, 0.92),
    "blue": (0.52, 0.74, 0.97),
    "green": (0.58, 0.85, 0.60),
    "black": (0.12, 0.12, 0.15),
}
"""Backgrounds by the word that asks for them."""

Filter = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`(3D, flat) -> picture`, all premultiplied RGBA."""


def blur(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur with edges repeated; `sigma` in pixels. Wide ones are made at a quarter of the size."""
    if sigma >= WIDE:
        small = blur(F.avg_pool2d(picture, 4), sigma / 4)
        return F.interpolate(small, scale_factor=4.0, mode="bilinear", align_corners=False)
    radius = max(1, round(3 * sigma))
    weights = [math.exp(-(offset**2) / (2 * sigma**2)) for offset in range(-radius, radius + 1)]
    total = sum(weights)
    height, width = picture.shape[-2:]
    padded = F.pad(picture, (radius, radius, radius, radius), mode="replicate")
    # Sums of slices: many times faster on a CPU than a convolution of one channel.
    across = sum(padded[..., i : i + width] * (w / total) for i, w in enumerate(weights))
    return sum(across[..., i : i + height, :] * (w / total) for i, w in enumerate(weights))


def over(picture: torch.Tensor, background: torch.Tensor | float) -> torch.Tensor:
    """RGB of a premultiplied RGBA picture on an opaque background."""
    return picture[:, :3] + background * (1 - picture[:, 3:])


def widen(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    """`mask` grown by `pixels` on every side."""
    return F.max_pool2d(mask, 2 * pixels + 1, stride=1, padding=pixels)


def edges(rgb: torch.Tensor) -> torch.Tensor:
    """Where colours change: the largest Sobel magnitude of the three channels, `(batch, 1, ...)`."""
    padded = F.pad(rgb, (1, 1, 1, 1), mode="replicate")
    columns = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    rows = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    across = columns[..., :-2] - columns[..., 2:]
    down = rows[..., :-2, :] - rows[..., 2:, :]
    return (across.square() + down.square()).sqrt().amax(1, keepdim=True) / 4


def solid(solid_art: torch.Tensor, flat_art: torch.Tensor) -> torch.Tensor:
    """3D: the rendering itself, with a soft shadow under it."""
    del flat_art
    alpha = solid_art[:, 3:]
    shadow = 0.3 * torch.roll(blur(alpha, 7.0), shifts=9, dims=2)
    return torch.cat([solid_art[:, :3], alpha + shadow * (1 - alpha)], 1)


def cartoon(solid_art: torch.Tensor, flat_art: torch.Tensor) -> torch.Tensor:
    """Flat colours with a bold ink outline, and a finer line wherever two colours meet."""
    del solid_art
    ink = torch.tensor(INK).view(1, 3, 1, 1)
    alpha = flat_art[:, 3:]
    inner = 0.75 * widen((edges(over(flat_art, 1.0)) - 0.12).clamp(0, 0.15) / 0.15, 1) * alpha
    outline = blur(widen(alpha, 5), 0.8) * (1 - alpha)
    colour = flat_art[:, :3] * (1 - inner) + ink * (inner + outline)
    return torch.cat([colour, alpha + outline], 1)


def sketch(solid_art: torch.Tensor, flat_art: torch.Tensor) -> torch.Tensor:
    """Pencil on paper: grey lines where colours change, and a little grey shading."""
    grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    lines = blur(edges(over(flat_art, 1.0)).clamp(0, 0.35) / 0.35, 1.0)
    shade = 1 - (over(blur(solid_art, 2.0), 1.0) * grey).sum(1, keepdim=True)
    paper = (1 - 0.32 * shade) * (1 - 0.85 * lines)
    return torch.cat([torch.zeros_like(flat_art[:, :3]), 1 - paper], 1)


def neon(solid_art: torch.Tensor, flat_art: torch.Tensor) -> torch.Tensor:
    """Glowing tubes along the edges, for the dark."""
    del solid_art
    tubes = (blur(edges(over(flat_art, 0.15)), 1.2).clamp(0.03, 0.18) - 0.03) / 0.15
    colour = blur(over(flat_art, 0.5), 3.0)
    low, high = colour.amin(1, keepdim=True), colour.amax(1, keepdim=True)
    vivid = (colour - 0.8 * low) / (high - 0.8 * low).clamp(min=1e-3)
    light = vivid * tubes
    glow = blur(light, 3.0) + 1.1 * blur(light, 10.0)
    lit = glow + 0.75 * light + 0.3 * tubes**3
    return torch.cat([lit.clamp(0, 1), torch.zeros_like(tubes)], 1)


def flat(solid_art: torch.Tensor, flat_art: torch.Tensor) -> torch.Tensor:
    """The flat drawing as it is; `pixelate` makes squares of it once it has its place."""
    del solid_art
    return flat_art


def pixelate(picture: torch.Tensor) -> torch.Tensor:
    """32 by 32 squares of few colours, dark around the outline."""
    small = F.adaptive_avg_pool2d(picture, PIXEL_SIDE)
    cover = small[:, 3:]
    colours = ((small[:, :3] / cover.clamp(min=1e-3)) * 6).round() / 6
    mask = (cover > 0.45).to(cover.dtype)  # a square is full when nearly half covered
    ring = 0.8 * widen(mask, 1) * (1 - mask)
    squares = torch.cat([colours * mask, mask + ring], 1)
    return F.interpolate(squares, scale_factor=picture.shape[-1] // PIXEL_SIDE, mode="nearest")


STYLES: Final[dict[str, Filter]] = {
    "3d": solid,
    "cartoon": cartoon,
    "pencil sketch": sketch,
    "neon": neon,
    "pixel art": flat,
}

DEFAULT_STYLE: Final = "3d"
"""What a prompt that names no style gets."""


def tinted(style: str, rgb: torch.Tensor) -> torch.Tensor:
    """A background's colour as `style` shows it: neon keeps the dark, paper stays light."""
    if style == "neon":
        return rgb**2 * 0.22
    if style == "pencil sketch":
        return 0.45 + 0.55 * rgb
    return rgb
