"""Any diffusers AutoPipeline, one picture at a time: the engine for models without a family of their own."""

import time
from dataclasses import replace
from threading import Event
from typing import Final

from PIL import Image

from bot.core.catalog import Capabilities
from bot.core.errors import DeviceMemoryError
from bot.core.jobs import Picture, Render
from bot.core.ports import DeviceReport, OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.engine.capabilities import check
from bot.engine.devices import versions
from bot.engine.host import Host, attempt
from bot.engine.loading import LoadedModel
from bot.engine.renderer import render
from bot.engine.second_try import resized, smaller
from bot.engine.steps import StepWatch
from bot.engine.tokens import prompt_cut


class PipelineEngine:
    """The `Engine` port over stock diffusers pipelines. It shows no previews, and measures nothing."""

    slots: Final = 1

    def __init__(self, host: Host) -> None:
        self._host = host

    async def load(self, model: str) -> Capabilities:
        """See `Engine.load`."""
        return await self._host.load(model)

    async def generate(
        self,
        recipe: Recipe,
        source: Picture | None,
        on_step: OnStep,
        on_preview: OnPreview | None = None,  # noqa: ARG002 - the port's
    ) -> Render:
        """See `Engine.generate`. `source` has the recipe's size already.

        Raises:
            ValueError: a remix without a source or with one of another size, or a source for
                something else than a remix.
        """
        spec = self._host.catalog.get(recipe.model)
        check_source(recipe, source)
        host = self._host
        report = host.thread.teller(on_step)

        def work(stop: Event) -> Render:
            return make(host, host.residents.get(spec), recipe, source, StepWatch(report, stop))

        return await host.thread.run(work)

    def estimate(self, recipe: Recipe) -> float | None:  # noqa: ARG002 - the port's
        """See `Engine.estimate`."""
        return None

    async def report(self) -> DeviceReport:
        """See `Engine.report`."""
        return self._host.report()

    async def restart(self, seconds: float) -> None:
        """See `Engine.restart`."""
        self._host = self._host.start_anew(seconds)

    async def close(self) -> None:
        """See `Engine.close`."""
        await self._host.close()


def make(host: Host, model: LoadedModel, recipe: Recipe, source: Picture | None, watch: StepWatch) -> Render:
    """The picture, on the device's thread; a smaller one where memory runs out once.

    Raises:
        Stopped: `watch` was told to.
        EngineError: see `Engine.generate`.
        UnsupportedError: the model cannot do what the recipe asks for.
    """
    check(recipe, model.capabilities)
    started = time.perf_counter()
    made = attempt(recipe.model, render, model, recipe, _as_image(source), watch)
    if made is None:
        host.residents.keep(1)
        host.free()
        recipe = smaller(recipe, model.spec)
        source = source and resized(source, recipe.width, recipe.height)
        made = attempt(recipe.model, render, model, recipe, _as_image(source), watch)
    if made is None:
        host.free()
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
        versions=versions(host.device, model.dtype),
        prompt_cut=prompt_cut(model.text_to_image, recipe.given_prompt),
    )


def check_source(recipe: Recipe, source: Picture | None) -> None:
    """Raises ValueError when `source` does not belong to `recipe`: a programming error."""
    if recipe.is_remix != (source is not None):
        raise ValueError("a remix, and only a remix, has a source")
    if source is not None and (source.width, source.height) != (recipe.width, recipe.height):
        raise ValueError(f"the source is not {recipe.width}x{recipe.height}")


def _as_image(picture: Picture | None) -> Image.Image | None:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb) if picture else None
