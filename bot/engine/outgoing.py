"""A decoded picture on its way from the device, copied beside the next forward."""

from typing import Any

import numpy as np
import torch

from bot.core.jobs import Picture

_IMAGE_DIMENSIONS = 4


class Outgoing:
    """Pixels being copied into pinned memory on CUDA; elsewhere they are there at once.

    Args:
        image: (1, 3, height, width) in 0 to 1.

    Raises:
        ValueError: it is no RGB picture.
    """

    def __init__(self, image: torch.Tensor) -> None:
        if image.ndim != _IMAGE_DIMENSIONS or image.shape[1] != 3:  # noqa: PLR2004 - RGB
            raise ValueError(
                f"the model made an array of shape {tuple(image.shape)}, which is no RGB picture"
            )
        # As diffusers' VaeImageProcessor.numpy_to_pil rounds, but on the device: a quarter of the bytes.
        pixels = (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
        self._finite = _start_copy(torch.isfinite(image).all()[None])
        self._pixels = _start_copy(pixels)
        self._arrived: Any = None
        if image.is_cuda:
            self._arrived = torch.cuda.Event()
            self._arrived.record(torch.cuda.current_stream(image.device))

    @property
    def is_ready(self) -> bool:
        """Whether `picture` would not wait."""
        return self._arrived is None or bool(self._arrived.query())

    def picture(self) -> Picture:
        """The picture; waits for it.

        Raises:
            ValueError: it is not a number somewhere.
        """
        if self._arrived is not None:
            self._arrived.synchronize()
        if not bool(self._finite[0]):
            raise ValueError("the picture is not a number: the model overflows in this dtype")
        array: np.ndarray[Any, Any] = self._pixels.numpy()
        height, width, _ = array.shape
        return Picture(width, height, array.tobytes())


def _start_copy(tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_cuda:
        return tensor.cpu()
    pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return pinned.copy_(tensor, non_blocking=True)
