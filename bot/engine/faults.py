"""Errors of torch, diffusers, transformers and the Hugging Face hub in our words."""

import traceback
from collections.abc import Iterator
from typing import Final, Literal

import torch

from bot.core.catalog import ModelSpec
from bot.core.errors import (
    DeviceLostError,
    DeviceMemoryError,
    EngineError,
    GenerationError,
    ModelUnavailableError,
)

Reason = Literal["offline", "not_found", "gated", "pickled", "not_text_to_image", "damaged"]

# By name: not every version of the hub's client has every class. The first match counts, for
# GatedRepoError is a RepositoryNotFoundError, and most are HfHubHTTPErrors.
_HUB_REASONS: Final[tuple[tuple[str, Reason], ...]] = (
    ("GatedRepoError", "gated"),
    ("LocalTokenNotFoundError", "gated"),
    ("RepositoryNotFoundError", "not_found"),
    ("RevisionNotFoundError", "not_found"),
    ("DisabledRepoError", "not_found"),
    ("HFValidationError", "not_found"),
    ("LocalEntryNotFoundError", "offline"),
    ("CachedRepoTreeNotFoundError", "offline"),
    ("EntryNotFoundError", "not_found"),
    ("RevisionResolutionError", "offline"),
    ("OfflineModeIsEnabled", "offline"),
    ("FileMetadataError", "offline"),
    ("XetDownloadError", "offline"),
    ("HfHubHTTPError", "offline"),
    ("ConnectionError", "offline"),
    ("TimeoutError", "offline"),
)
# The hub's client has used requests, then httpx; only their names tell that it was the network.
_HTTP_PACKAGES: Final = ("requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2")

# What diffusers raises as a bare OSError or ValueError.
_SENTENCES: Final[tuple[tuple[str, Reason], ...]] = (
    ("Could not find the necessary `safetensors` weights", "pickled"),
    ("AutoPipeline can't find a pipeline linked to", "not_text_to_image"),
    ("no such modeling files are available", "not_found"),
)

_MEMORY_SENTENCES: Final = (
    "out of memory",  # CUDA, MPS
    "can't allocate memory",  # the CPU
    "not enough memory",  # the CPU, on Windows
    "alloc_failed",  # cuBLAS, cuDNN
)
# After one of these, every call to the device fails until the process ends: "CUDA error: an illegal
# memory access was encountered", "device-side assert triggered", "unspecified launch failure" ...
_LOST_SENTENCES: Final = ("cuda error", "hip error", "cublas_status_execution_failed", "device-side assert")
_DETAIL_LENGTH: Final = 300


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the device or in the machine."""
    return any(
        isinstance(link, torch.OutOfMemoryError | MemoryError)
        or (isinstance(link, RuntimeError) and any(s in str(link).lower() for s in _MEMORY_SENTENCES))
        for link in _chain(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether the device's context is poisoned: nothing on it works again in this process."""
    return not is_out_of_memory(error) and any(
        isinstance(link, RuntimeError) and any(s in str(link).lower() for s in _LOST_SENTENCES)
        for link in _chain(error)
    )


def loading_fault(error: BaseException, spec: ModelSpec) -> EngineError:
    """Why `spec` could not be loaded."""
    if is_out_of_memory(error):
        return DeviceMemoryError(spec.name, spec.width, spec.height)
    if is_device_lost(error):
        return DeviceLostError(describe(error))
    return ModelUnavailableError(spec.name, _reason(error), describe(error))


def generation_fault(error: BaseException, model: str) -> EngineError:
    """Why a picture could not be made, where it was not for memory."""
    return (
        DeviceLostError(describe(error)) if is_device_lost(error) else GenerationError(model, describe(error))
    )


def describe(error: BaseException) -> str:
    """The error's class and the first line of its message: for the log, not for users."""
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"[:_DETAIL_LENGTH]


def release(error: BaseException) -> None:
    """Drop what the finished frames of an error's traceback hold: tensors, on the device's memory.

    The error may live as long as its job; the traceback's lines stay for the log.
    """
    for link in _chain(error):
        traceback.clear_frames(link.__traceback__)


def _reason(error: BaseException) -> Reason:
    # diffusers wraps the hub's errors in OSErrors, and the hub wraps those of its HTTP client.
    chain = list(_chain(error))
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    for name, reason in _HUB_REASONS:
        if name in names:
            return reason
    if any(type(link).__module__.partition(".")[0] in _HTTP_PACKAGES for link in chain):
        return "offline"
    for sentence, reason in _SENTENCES:
        if any(sentence in str(link) for link in chain):
            return reason
    return "damaged"


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
