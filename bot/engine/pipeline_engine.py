"""Any diffusers AutoPipeline, one picture at a time: the engine for models without one of their own."""

import asyncio
import time
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Final

from PIL import Image, ImageOps

from bot.core.catalog import Capabilities, Catalog, ModelSpec
from bot.core.errors import (
    AtelierError,
    DeviceMemoryError,
    GenerationError,
    ModelUnavailableError,
    UnsafeImageError,
)
from bot.core.jobs import Picture, Render
from bot.core.ports import DeviceReport, OnStep
from bot.core.recipe import Recipe
from bot.engine.capabilities import check
from bot.engine.devices import choose_device, choose_dtype, dtype_name, free_memory, memory_used, versions
from bot.engine.faults import generation_fault, is_out_of_memory
from bot.engine.loading import LoadedModel, load_model, spec_dtype
from bot.engine.options import EngineOptions
from bot.engine.renderer import render
from bot.engine.residents import Residents
from bot.engine.steps import StepWatch
from bot.engine.tokens import prompt_cut
from bot.engine.worker import DeviceThread, Stopped

_SHRINK: Final = 0.75
"""Sides of the second try after memory ran out: 9/16 of the pixels."""
_WARM_UP_STEPS: Final = 4
"""Some schedulers (PNDM) fail with fewer."""


class PipelineEngine:
    """The `Engine` port over stock diffusers pipelines.

    Raises:
        SettingsError: there is no such device, or a dtype is unknown.
    """

    def __init__(self, catalog: Catalog, options: EngineOptions) -> None:
        self._catalog = catalog
        self._options = options
        self._device = choose_device(options.device)
        self._dtype = choose_dtype(options.dtype, self._device)
        for spec in catalog:
            spec_dtype(spec, options.dtype, self._device)  # a typo is found now, not at the first picture
        self._free = partial(free_memory, self._device)
        self._residents = Residents(self._load_and_warm_up, self._free, options.max_resident)
        self._thread = DeviceThread()

    async def load(self, model: str) -> Capabilities:
        """See `Engine.load`."""
        spec = self._catalog.get(model)
        loaded = await self._thread.run(lambda _stop: self._residents.get(spec))
        return loaded.capabilities

    async def generate(self, recipe: Recipe, source: Picture | None, on_step: OnStep) -> Render:
        """See `Engine.generate`. `source` has the recipe's size already.

        Raises:
            ValueError: a remix without a source or with one of another size, or a source for
                something else than a remix.
        """
        spec = self._catalog.get(recipe.model)
        if recipe.is_remix != (source is not None):
            raise ValueError("a remix, and only a remix, has a source")
        if source is not None and (source.width, source.height) != (recipe.width, recipe.height):
            raise ValueError(f"the source is not {recipe.width}x{recipe.height}")
        loop = asyncio.get_running_loop()

        def report(step: int, steps: int) -> None:
            loop.call_soon_threadsafe(on_step, step, steps)

        def work(stop: Event) -> Render:
            model = self._residents.get(spec)
            return self._make(model, recipe, source, StepWatch(report, stop))

        return await self._thread.run(work)

    async def report(self) -> DeviceReport:
        """See `Engine.report`."""
        return DeviceReport(
            device=self._device,
            dtype=dtype_name(self._dtype),
            resident=self._residents.names,
            memory_used=memory_used(self._device),
        )

    async def close(self) -> None:
        """See `Engine.close`. A model that is just being loaded is loaded to its end first."""
        await self._thread.close(lambda: self._residents.keep(0))

    # From here on, everything runs on the device's thread.

    def _load_and_warm_up(self, spec: ModelSpec) -> LoadedModel:
        """Load, and make one small picture in a few steps: what does not work shows now."""
        model = load_model(spec, self._options, self._device)
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
        try:
            made = self._attempt(model, recipe, None, StepWatch(lambda _step, _steps: None, Event()))
        except UnsafeImageError:
            return model  # a few steps' noise may look like anything; the checker works
        except GenerationError as error:
            raise ModelUnavailableError(spec.name, "damaged", error.detail) from error
        if made is None:
            raise DeviceMemoryError(spec.name, side, side)
        return model

    def _make(self, model: LoadedModel, recipe: Recipe, source: Picture | None, watch: StepWatch) -> Render:
        check(recipe, model.capabilities)
        image = Image.frombytes("RGB", (source.width, source.height), source.rgb) if source else None
        started = time.perf_counter()
        made = self._attempt(model, recipe, image, watch)
        if made is None:
            self._residents.keep(1)
            self._free()
            recipe = _smaller(recipe, model.spec)
            if image is not None:
                image = ImageOps.fit(image, (recipe.width, recipe.height), Image.Resampling.LANCZOS)
            made = self._attempt(model, recipe, image, watch)
        if made is None:
            self._free()
            raise DeviceMemoryError(recipe.model, recipe.width, recipe.height)
        picture, scheduler = made
        return Render(
            picture=picture,
            recipe=replace(
                recipe,
                revision=model.revision,
                scheduler=scheduler,
                width=picture.width,
                height=picture.height,
            ),
            steps_run=watch.steps,
            seconds=time.perf_counter() - started,
            versions=versions(self._device, model.dtype),
            prompt_cut=prompt_cut(model.text_to_image, recipe.given_prompt),
        )

    def _attempt(
        self, model: LoadedModel, recipe: Recipe, source: Image.Image | None, watch: StepWatch
    ) -> tuple[Picture, str] | None:
        """As `render`, with foreign errors translated; None when memory ran out."""
        try:
            return render(model, recipe, source, watch)
        except (Stopped, AtelierError):
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise generation_fault(error, recipe.model) from error
        # By returning, the traceback goes, and with it the tensors in its frames.
        return None


def _smaller(recipe: Recipe, spec: ModelSpec) -> Recipe:
    """The recipe at three quarters of its sides, within the model's limits.

    Raises:
        DeviceMemoryError: it is as small as the model allows.
    """
    multiple = spec.multiple_of
    least = -(-spec.min_side // multiple) * multiple
    width, height = (
        min(side, max(int(side * _SHRINK) // multiple * multiple, least))
        for side in (recipe.width, recipe.height)
    )
    if (width, height) == (recipe.width, recipe.height):
        raise DeviceMemoryError(recipe.model, width, height)
    return replace(recipe, width=width, height=height)
