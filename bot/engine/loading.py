"""From a hub id or a folder to pipelines on the device."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers
from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image
from huggingface_hub import try_to_load_from_cache

from bot.core.catalog import CATALOG_VARIABLE, Capabilities, ModelSpec
from bot.core.errors import DeviceLostError, DeviceMemoryError, ModelUnavailableError
from bot.engine.capabilities import find_capabilities
from bot.engine.devices import choose_dtype
from bot.engine.families.family import Family
from bot.engine.faults import loading_fault
from bot.engine.folders import local_folder
from bot.engine.options import EngineOptions, Offload

_DIFFUSERS: Final = tuple(int(number) for number in diffusers.__version__.split(".")[:2])
_DTYPE: Final = "dtype" if _DIFFUSERS >= (0, 40) else "torch_dtype"
_PICKLES: Final = {".bin", ".ckpt", ".pt", ".pth", ".pkl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory. Both pipelines work on the same weights."""

    spec: ModelSpec
    text_to_image: Any
    image_to_image: Any
    """None where diffusers has no counterpart."""
    capabilities: Capabilities
    dtype: torch.dtype
    revision: str | None
    """The commit that a hub model was loaded from; else as in `spec`."""
    family: Family | None = None
    """How its pictures share forwards, for the engine that lets them; None where only its own pipelines
    know how it works."""

    @contextmanager
    def left_as_found(self) -> Iterator[None]:
        """Undo what a pipeline that was stopped half-way could not undo itself."""
        vae = getattr(self.text_to_image, "vae", None)
        dtype = vae.dtype if vae is not None else None
        try:
            yield
        finally:
            if vae is not None and vae.dtype != dtype:
                vae.to(dtype)  # SDXL's is in float32 while it encodes and decodes
            # Image-to-image runs on the text-to-image pipeline's offload hooks: it has none itself.
            self.text_to_image.maybe_free_model_hooks()


def spec_dtype(spec: ModelSpec, setting: str, device: str) -> torch.dtype:
    """The precision for `spec`: what the operator set, else its own wish, else the device's best.

    Raises:
        SettingsError: not a precision that we know.
    """
    if setting == "auto" and spec.dtype is not None:
        return choose_dtype(spec.dtype, device, CATALOG_VARIABLE)
    return choose_dtype(setting, device)


def load_model(spec: ModelSpec, options: EngineOptions, device: str) -> LoadedModel:
    """Load `spec` onto `device`: safetensors only, nobody's code, one copy of the weights.

    Raises:
        ModelUnavailableError: with the reason.
        DeviceMemoryError: it does not fit.
        DeviceLostError: the device will not work again.
    """
    try:
        return _load(spec, options, device)
    except ModelUnavailableError:
        raise
    except Exception as error:
        fault = loading_fault(error, spec)
        if isinstance(fault, DeviceLostError):
            raise fault from error
        if isinstance(fault, ModelUnavailableError):
            found = local_folder(spec.source)
            if fault.reason == "damaged" and found and _is_pickled(found):
                fault = ModelUnavailableError(spec.name, "pickled", fault.detail)
            raise fault from error
    # Outside of the handler and without a cause: the traceback of an out-of-memory error holds tensors.
    raise DeviceMemoryError(spec.name, spec.width, spec.height)


def _load(spec: ModelSpec, options: EngineOptions, device: str) -> LoadedModel:
    _silence()
    dtype = spec_dtype(spec, options.dtype, device)
    text_to_image = AutoPipelineForText2Image.from_pretrained(
        _find(spec),
        revision=spec.revision,
        variant=spec.variant,
        use_safetensors=True,
        **{_DTYPE: dtype},
    )
    capabilities = find_capabilities(type(text_to_image))
    image_to_image = None
    if capabilities.image_to_image:
        # Without the dtype, a pipeline class's own from_pipe would cast the shared weights to float32.
        image_to_image = AutoPipelineForImage2Image.from_pipe(text_to_image, **{_DTYPE: dtype})
        image_to_image.set_progress_bar_config(disable=True)
    text_to_image.set_progress_bar_config(disable=True)
    _place(text_to_image, device, options.offload)
    return LoadedModel(
        spec=spec,
        text_to_image=text_to_image,
        image_to_image=image_to_image,
        capabilities=capabilities,
        dtype=dtype,
        revision=_commit(spec),
    )


def _find(spec: ModelSpec) -> str:
    path = local_folder(spec.source)
    if path is None:
        return spec.source
    if not (path / "model_index.json").is_file():
        raise ModelUnavailableError(spec.name, "not_found", f"{path} has no model_index.json")
    return str(path)


def _commit(spec: ModelSpec) -> str | None:
    if local_folder(spec.source):
        return spec.revision
    # The hub's cache has a folder for each commit: .../snapshots/COMMIT/model_index.json
    index = try_to_load_from_cache(spec.source, "model_index.json", revision=spec.revision)
    return Path(index).parent.name if isinstance(index, str) else spec.revision


def _place(pipeline: Any, device: str, offload: Offload) -> None:
    if offload == "none" or not device.startswith("cuda"):
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def _is_pickled(folder: Path) -> bool:
    """Whether a part of the pipeline in `folder` has weights as pickles only."""
    try:
        index = json.loads((folder / "model_index.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    for part in index:
        suffixes = {file.suffix for file in (folder / part).glob("*")}
        if suffixes & _PICKLES and ".safetensors" not in suffixes:
            return True
    return False


def _silence() -> None:
    """No progress bars in the log, and no prompts: diffusers logs the end of a prompt that it cut."""
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
