"""The device and what lives on it: its one thread, and the models in its memory."""

from collections.abc import Callable, Collection
from dataclasses import replace
from threading import Event
from typing import Final, ParamSpec, TypeVar

from bot.core.catalog import Capabilities, Catalog, ModelSpec
from bot.core.errors import (
    AtelierError,
    DeviceLostError,
    DeviceMemoryError,
    EngineClosedError,
    EngineStalledError,
    GenerationError,
    ModelUnavailableError,
    UnsafeImageError,
)
from bot.core.ports import DeviceReport
from bot.core.recipe import Recipe
from bot.engine.devices import choose_device, choose_dtype, dtype_name, free_memory, memory_total, memory_used
from bot.engine.families.family import Family
from bot.engine.faults import generation_fault, is_out_of_memory
from bot.engine.loading import LoadedModel, load_model, spec_dtype
from bot.engine.options import EngineOptions
from bot.engine.renderer import render
from bot.engine.residents import Residents
from bot.engine.steps import StepWatch
from bot.engine.worker import DeviceThread, Stopped, leave_if_given_up

P = ParamSpec("P")
T = TypeVar("T")

_WARM_UP_STEPS: Final = 4
"""Some schedulers (PNDM) fail with fewer."""


class Host:
    """What every engine stands on. An engine that has wishes sets `in_use` and `adapt`.

    Raises:
        SettingsError: there is no such device, or a dtype is unknown.
    """

    def __init__(self, catalog: Catalog, options: EngineOptions) -> None:
        self.catalog = catalog
        self.options = options
        self.device = choose_device(options.device)
        self._dtype = choose_dtype(options.dtype, self.device)
        for spec in catalog:
            spec_dtype(spec, options.dtype, self.device)  # a typo is found now, not at the first picture
        self.in_use: Callable[[], Collection[str]] = tuple
        """Names of models that must stay in memory for now."""
        self.adapt: Callable[[LoadedModel], Family | None] = lambda _model: None
        """How a loaded model's pictures share forwards, for an engine that lets them."""
        self.residents = Residents(
            self._load_and_warm_up,
            self.free,
            options.max_resident,
            lambda: self.in_use(),  # noqa: PLW0108 - looked up when asked: an engine sets it later
        )
        self.thread = DeviceThread()

    async def load(self, model: str) -> Capabilities:
        """See `Engine.load`."""
        spec = self.catalog.get(model)
        loaded = await self.thread.run(lambda _stop: self.residents.get(spec))
        return loaded.capabilities

    def report(self) -> DeviceReport:
        """See `Engine.report`."""
        return DeviceReport(
            device=self.device,
            dtype=dtype_name(self._dtype),
            resident=self.residents.names,
            memory_used=memory_used(self.device),
            memory_total=memory_total(self.device),
        )

    async def close(self, last: Callable[[], None] = lambda: None) -> None:
        """See `Engine.close`; `last` runs on the thread. A model being loaded is loaded to its end."""

        def end() -> None:
            last()
            self.residents.clear()

        await self.thread.close(end)

    def start_anew(self, seconds: float) -> "Host":
        """Give up a thread that made no progress for `seconds`, and return what to go on with.

        That has a thread of its own and no models yet: the old thread, should it come back, finds all that
        it knew, and nothing of what is in use. After `close`, which may be waiting for that thread, it ends.

        Raises:
            DeviceLostError: a hung kernel holds up the device for every thread of this process.
        """
        if self.thread.is_closed:
            self.thread.give_up(EngineClosedError())
            return self
        if self.device.startswith("cuda"):
            lost = DeviceLostError(f"no progress for {seconds:g} s")
            self.thread.give_up(lost)
            raise lost
        fresh = Host(self.catalog, self.options)
        self.thread.give_up(EngineStalledError(seconds))
        return fresh

    def free(self) -> None:
        """Give memory back that nothing refers to any more."""
        free_memory(self.device)

    # From here on, everything runs on the device's thread.

    def _load_and_warm_up(self, spec: ModelSpec) -> LoadedModel:
        """Load, and make one small picture in a few steps: what does not work shows now."""
        loaded = load_model(spec, self.options, self.device)
        side = -(-spec.min_side // spec.multiple_of) * spec.multiple_of
        recipe = Recipe(
            model=spec.name,
            revision=spec.revision,
            prompt="warm-up",
            negative_prompt="",
            width=side,
            height=side,
            num_inference_steps=min(_WARM_UP_STEPS, spec.num_inference_steps),
            guidance_scale=spec.guidance_scale,
            seed=0,
        )
        watch = StepWatch(lambda _step, _steps: None, Event())
        model = loaded
        try:
            adapted = attempt(spec.name, self._adapted, loaded)
            if adapted is None:
                raise DeviceMemoryError(spec.name, side, side)
            model = adapted
            made = attempt(spec.name, render, model, recipe, None, watch)
        except UnsafeImageError:
            return model  # a few steps' noise may look like anything; the checker works
        except GenerationError as error:
            raise ModelUnavailableError(spec.name, "damaged", error.detail) from error
        if made is None:
            raise DeviceMemoryError(spec.name, side, side)
        return model

    def _adapted(self, model: LoadedModel) -> LoadedModel:
        return replace(model, family=self.adapt(model))


def attempt(model: str, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What `work(*args)` returns, with foreign errors translated; None when memory ran out.

    Give it functions and their arguments, no lambda: a traceback lets go of what was in its frames'
    variables (`faults.release`), but not of what its functions have closed over.

    Raises:
        Stopped, AtelierError: as `work` raises them.
        DeviceLostError: the device will not work again in this process.
        GenerationError: anything else.
        GivenUp: the thread was given up meanwhile.
    """
    try:
        return work(*args, **named)
    except (Stopped, AtelierError):
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise generation_fault(error, model) from error
    finally:
        leave_if_given_up()
    # By returning, the traceback goes, and with it the tensors in its frames.
    return None
