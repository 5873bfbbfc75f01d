"""One picture on its way: its own scheduler, generator and latents, and where it stands in its schedule."""

import inspect
from concurrent.futures import Future
from dataclasses import replace
from functools import cache
from threading import Event
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from bot.core.jobs import Picture, Render
from bot.core.ports import OnPreview, OnStep
from bot.core.recipe import Recipe
from bot.core.strength import steps_run
from bot.engine.embeddings import Embeddings
from bot.engine.families.family import Condition, Family, Row
from bot.engine.loading import LoadedModel
from bot.engine.planner import Bucket
from bot.engine.steps import as_steps


class Order:
    """A request for one picture, as it waits for its model. May be looked at from any thread."""

    def __init__(
        self,
        recipe: Recipe,
        source: Picture | None,
        on_step: OnStep,
        on_preview: OnPreview | None,
        since: float,
    ) -> None:
        """`on_step` and `on_preview` are called on the device's thread and must not block."""
        self.model = recipe.model
        self.recipe = recipe
        self.source = source
        self.on_step = on_step
        self.on_preview = on_preview
        self.since = since
        self.stop = Event()
        """Set to call it off."""
        self.outcome: Future[Render] = Future()


class Denoising:
    """For the device's thread. `begin`, then `rows` and `advance` until `is_over`, then its latents.

    Raises:
        ValueError: diffusers has no such scheduler.
    """

    def __init__(self, order: Order, model: LoadedModel, family: Family) -> None:
        self.order = order
        self.model = model
        self.family = family
        self.device_ms = 0.0
        """Its share of what the device has done so far."""
        self.next_preview: float | None = None
        """When it may be looked at again, in seconds."""
        self.step = 0
        self.restart(order.recipe, order.source)

    def restart(self, recipe: Recipe, source: Picture | None) -> None:
        """Begin from the start: with a smaller recipe, after memory ran out."""
        family = self.family
        self.recipe, self.source = recipe, source
        self.scheduler = family.new_scheduler(recipe.scheduler or self.model.spec.scheduler)
        # On the CPU also for a GPU: a scheduler looks its timesteps up in Python, and would wait for the
        # device each time.
        self.scheduler.set_timesteps(recipe.num_inference_steps, device="cpu")
        skipped = 0
        if recipe.strength is not None:
            # As StableDiffusionImg2ImgPipeline.get_timesteps.
            run = steps_run(recipe.num_inference_steps, recipe.strength)
            skipped = (recipe.num_inference_steps - run) * self.scheduler.order
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(skipped)
        self._timesteps = self.scheduler.timesteps[skipped:]
        self._evaluations = 0
        self._generator = torch.Generator("cpu").manual_seed(recipe.seed)
        self._is_guided = family.is_guided(recipe.guidance_scale)
        self._conditions: list[Condition] = []
        self._scaled: torch.Tensor | None = None
        self.latents: torch.Tensor | None = None
        self.cut = ""

    @property
    def bucket(self) -> Bucket:
        """What it can share a forward with."""
        return Bucket(self.recipe.model, self.recipe.width, self.recipe.height)

    @property
    def row_count(self) -> int:
        """Rows of each of its steps."""
        return 2 if self._is_guided else 1

    @property
    def rows_left(self) -> int:
        """Rows to its end."""
        return (len(self._timesteps) - self._evaluations) * self.row_count

    @property
    def is_second_try(self) -> bool:
        """Whether it is made smaller than it was asked for."""
        return self.recipe is not self.order.recipe

    @property
    def is_begun(self) -> bool:
        return self.latents is not None

    @property
    def is_over(self) -> bool:
        return self._evaluations >= len(self._timesteps)

    def begin(self, embeddings: Embeddings) -> bool:
        """Read the prompt, encode the source, draw the noise, in stock diffusers' order; then True."""
        recipe, family = self.recipe, self.family
        self._generator.manual_seed(recipe.seed)  # it may have been tried before, without memory
        condition = embeddings.prompt(recipe.model, family, recipe.given_prompt)
        self.cut = condition.cut
        self._conditions = [condition]
        if self._is_guided:
            negative = embeddings.negative(recipe.model, family, recipe.given_negative_prompt)
            self._conditions = [negative, condition]
        if self.source is None:
            shape = family.latent_shape(recipe.width, recipe.height)
            self.latents = self._noise(shape) * self.scheduler.init_noise_sigma
            return True
        # The second try's source is not what another request of that size would start from.
        name = None if self.is_second_try else recipe.source_sha256
        encoded = embeddings.image(recipe.model, family, name, self.source)
        drawn = family.sample_latents(encoded, self._generator)
        self.latents = self.scheduler.add_noise(drawn, self._noise(tuple(drawn.shape)), self._timesteps[:1])
        return True

    def _noise(self, shape: tuple[int, ...]) -> torch.Tensor:
        noise: torch.Tensor = randn_tensor(
            shape, generator=self._generator, device=torch.device(self.family.device), dtype=self.family.dtype
        )
        return noise

    def rows(self) -> list[Row]:
        """The rows of its next step: the unconditional one first, as in stock diffusers."""
        timestep = self._timesteps[self._evaluations]
        self._scaled = self.scheduler.scale_model_input(self.latents, timestep)
        return [
            Row(self._scaled, float(timestep), condition, self.recipe.guidance_scale)
            for condition in self._conditions
        ]

    def advance(self, predictions: list[torch.Tensor]) -> torch.Tensor:
        """Take the step that `rows` asked for.

        Args:
            predictions: (1, channels, height, width) for each of its rows.

        Returns:
            What the picture seems to become, as latents, for a preview.
        """
        predicted = predictions[-1]
        if self._is_guided:
            unconditional = predictions[0]
            predicted = unconditional + self.recipe.guidance_scale * (predicted - unconditional)
        timestep = self._timesteps[self._evaluations]
        arguments = _step_arguments(self.scheduler.__class__)
        extra: dict[str, Any] = {"eta": 0.0} if "eta" in arguments else {}
        if "generator" in arguments:
            extra["generator"] = self._generator
        taken = self.scheduler.step(predicted, timestep, self.latents, **extra)
        assert self._scaled is not None  # noqa: S101 - `rows` came before
        guess: torch.Tensor | None = getattr(taken, "pred_original_sample", None)
        seen = self._scaled if guess is None else guess
        self._scaled = None
        self.latents = taken.prev_sample.to(self.family.dtype)
        self._evaluations += 1
        step, steps = as_steps(
            self._evaluations, len(self._timesteps), self.scheduler.order, self.recipe.num_inference_steps
        )
        if step > self.step:
            self.step = step
            self.order.on_step(step, steps)
        return seen

    def render(self, picture: Picture, versions: dict[str, str]) -> Render:
        """The outcome, once `picture` is decoded."""
        return Render(
            picture=picture,
            recipe=replace(
                self.recipe, revision=self.model.revision, scheduler=type(self.scheduler).__name__
            ),
            steps_run=self.step,
            seconds=self.device_ms / 1000,
            versions=versions,
            prompt_cut=self.cut,
        )


@cache
def _step_arguments(scheduler: Any) -> frozenset[str]:
    return frozenset(inspect.signature(scheduler.step).parameters)
