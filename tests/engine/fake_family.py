"""A family without a network, on a clock of its own: what the batcher does, and nothing else."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from diffusers import DDIMScheduler

from bot.core.catalog import Capabilities
from bot.core.jobs import Picture
from bot.core.recipe import Recipe
from bot.engine.batcher import Batcher
from bot.engine.denoising import Order
from bot.engine.families.family import Condition, Row
from bot.engine.loading import LoadedModel
from bot.engine.options import EngineOptions
from tests.engine.examples import a_picture, a_recipe, a_spec


class FakeFamily:
    """Implements `Family`. A forward takes `base_ms`, and `row_ms` for each row; it fails on demand."""

    device = "cpu"
    dtype = torch.float32
    has_checker = False

    def __init__(self, *, base_ms: float = 10.0, row_ms: float = 2.0) -> None:
        self.base_ms, self.row_ms = base_ms, row_ms
        self.now = 0.0
        self.forwards: list[int] = []
        self.read: list[str] = []
        self.encoded = 0
        self.decoded = 0
        self.tiles = 0
        self.memory = 10**9
        """Most rows of a forward that fit."""
        self.room_to_decode = True
        self.fault: Callable[[Sequence[Row]], None] = lambda _rows: None
        """Called before each forward; what it raises, the forward raises."""

    def clock(self) -> float:
        return self.now

    def new_scheduler(self, name: str | None) -> Any:
        if name == "MagicScheduler":
            raise ValueError(f"no {name}")
        return DDIMScheduler(clip_sample=False)

    def is_guided(self, guidance_scale: float) -> bool:
        return guidance_scale > 1

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        return 1, 1, height // 32, width // 32

    def encode_prompt(self, prompt: str) -> Condition:
        self.read.append(prompt)
        return Condition(torch.zeros(1, 1, 1))

    def encode_negative(self, negative_prompt: str) -> Condition:
        return self.encode_prompt(f"not {negative_prompt}")

    def encode_image(self, picture: Picture) -> Any:
        self.encoded += 1
        return torch.zeros(self.latent_shape(picture.width, picture.height))

    def sample_latents(self, encoded: Any, generator: torch.Generator) -> torch.Tensor:
        return torch.zeros_like(encoded)

    def predict(self, rows: Sequence[Row], pad_to: int = 0) -> torch.Tensor:
        if len(rows) > self.memory:
            raise torch.OutOfMemoryError
        self.fault(rows)
        self.forwards.append(len(rows))
        self.now += (self.base_ms + self.row_ms * max(len(rows), pad_to)) / 1000
        return torch.zeros(len(rows), *rows[0].latents.shape[1:])

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        if not (self.room_to_decode or self.tiles):
            raise torch.OutOfMemoryError
        self.decoded += len(latents)
        self.now += 0.001
        return torch.full((len(latents), 3, 8, 8), 0.5)

    def is_flagged(self, image: torch.Tensor) -> bool:
        return False

    def use_tiles(self) -> bool:
        self.tiles += 1
        return True

    def warm_up(self, rows: int, width: int, height: int) -> None:
        if rows > self.memory:
            raise torch.OutOfMemoryError
        self.now += (self.base_ms + self.row_ms * rows) / 1000

    def compiling(self) -> AbstractContextManager[None]:
        return nullcontext()

    def is_even(self, rows: int, width: int, height: int) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing runs behind its back."""


class Bench:
    """A batcher with one fake model, driven tick by tick."""

    def __init__(self, family: FakeFamily | None = None, **options: Any) -> None:
        self.family = family or FakeFamily()
        self.rooms = 0
        settings: dict[str, Any] = {"max_rows": 8}
        self.batcher = Batcher(EngineOptions(**(settings | options)), self._make_room, self.family.clock)
        self.model = LoadedModel(
            spec=a_spec(),
            text_to_image=None,
            image_to_image=None,
            capabilities=Capabilities(),
            dtype=torch.float32,
            revision=None,
            family=self.family,
        )

    def _make_room(self) -> None:
        self.rooms += 1

    def add(self, recipe: Recipe | None = None, **changes: Any) -> Order:
        recipe = recipe or a_recipe(**({"guidance_scale": 1.0} | changes))
        source = a_picture(recipe.width, recipe.height) if recipe.is_remix else None
        order = Order(recipe, source, lambda _step, _steps: None, None, self.family.now)
        self.batcher.add(order, self.model, self.family)
        return order

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.batcher.tick()

    def run(self, limit: int = 100_000) -> None:
        """Tick until nothing is left to do."""
        for _ in range(limit):
            if not self.batcher.is_busy:
                return
            self.batcher.tick()
        raise AssertionError("it never ends")
