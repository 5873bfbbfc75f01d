"""Which device, in which precision, and what it holds."""

import gc
import platform
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import torch

from bot.core.errors import SettingsError

_DTYPES: Final[dict[str, Any]] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
_PACKAGES: Final = ("torch", "diffusers", "transformers", "accelerate", "safetensors")


def choose_device(setting: str) -> str:
    """The torch device for `setting`; `auto` prefers CUDA, then Apple's MPS, then the CPU.

    Raises:
        SettingsError: torch finds no such device here.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there.get(_kind(setting), False):
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise SettingsError("ATELIER_DEVICE", f"is {setting!r}, but this torch finds only: {found}")
    return setting


def choose_dtype(setting: str, device: str, variable: str = "ATELIER_DTYPE") -> torch.dtype:
    """The precision for `setting` on `device`.

    `auto` takes bfloat16 where the GPU computes in it (float16 overflows in some VAEs), else float16;
    the CPU, where half precision is slower, gets float32.

    Args:
        variable: the setting to blame.

    Raises:
        SettingsError: not a precision that we know.
    """
    if setting != "auto":
        if setting not in _DTYPES:
            raise SettingsError(variable, f"has the dtype {setting!r}; known are auto, {', '.join(_DTYPES)}")
        return _DTYPES[setting]
    if _kind(device) == "cuda":
        # Before Ampere, bfloat16 is emulated and slow.
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    return torch.float16 if _kind(device) == "mps" else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """As in the settings: `float32`, `float16` or `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def free_memory(device: str) -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if _kind(device) == "cuda":
        torch.cuda.empty_cache()
    elif _kind(device) == "mps":
        torch.mps.empty_cache()


def memory_used(device: str) -> int:
    """Bytes that tensors hold on the device; 0 on the CPU."""
    if _kind(device) == "cuda":
        return int(torch.cuda.memory_allocated(device))
    if _kind(device) == "mps":
        return int(torch.mps.current_allocated_memory())
    return 0


def memory_total(device: str) -> int:
    """Bytes of memory that the device has; 0 on the CPU."""
    if _kind(device) == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if _kind(device) == "mps":
        return int(torch.mps.recommended_max_memory())
    return 0


def versions(device: str, dtype: torch.dtype) -> dict[str, str]:
    """What a picture depends on besides its recipe."""
    return _installed() | {"device": device, "dtype": dtype_name(dtype)}


@cache
def _installed() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def _kind(device: str) -> str:
    return device.partition(":")[0]
