"""How long a job takes the device: as the engine has measured it, corrected by the jobs before it."""

from collections.abc import Callable
from typing import Final

from bot.core.progress import planned_steps
from bot.core.recipe import Recipe

FIRST_GUESS: Final = 10_000.0
"""Milliseconds for a picture of which nothing is known: for fairness; nobody is told such a time."""
_WEIGHT: Final = 0.3
"""Of the newest picture in the moving average: follows a change of load within a few pictures."""


class Estimates:
    """The engine's own profile where it has one, else work in megapixel-steps; times what the pictures so
    far took of that: an exponential moving average, per model."""

    def __init__(self, profile: Callable[[Recipe], float | None] = lambda _recipe: None) -> None:
        """`profile` is `Engine.estimate`: device milliseconds, or None while nothing is measured."""
        self._profile = profile
        self._factors: dict[tuple[str, bool], float] = {}
        """(model, whether from its profile) -> milliseconds in truth per millisecond or per work."""

    def learn(self, recipe: Recipe, seconds: float) -> None:
        """Take in that `recipe` took `seconds` of device time."""
        measured = self._profile(recipe)
        factor = seconds * 1000 / (measured or _work(recipe))
        key = (recipe.model, bool(measured))
        known = self._factors.get(key, factor)
        self._factors[key] = known + _WEIGHT * (factor - known)

    def knows(self, recipe: Recipe) -> bool:
        """Whether an estimate for `recipe` rests on anything."""
        return self._milliseconds(recipe) is not None

    def milliseconds(self, recipes: tuple[Recipe, ...]) -> float:
        """The estimated milliseconds of device time for all of a job's pictures."""
        return sum(
            FIRST_GUESS if (known := self._milliseconds(recipe)) is None else known for recipe in recipes
        )

    def step_milliseconds(self, recipes: tuple[Recipe, ...]) -> float:
        """The estimated milliseconds of device time of one step of one of a job's pictures."""
        steps = sum(planned_steps(recipe) for recipe in recipes)
        return self.milliseconds(recipes) / max(1, steps)

    def _milliseconds(self, recipe: Recipe) -> float | None:
        if measured := self._profile(recipe):
            return measured * self._factors.get((recipe.model, True), 1.0)
        factor = self._factors.get((recipe.model, False))
        return None if factor is None else factor * _work(recipe)


def _work(recipe: Recipe) -> float:
    """Megapixels times steps, with one step's worth for encoding and decoding."""
    return recipe.width * recipe.height * (planned_steps(recipe) + 1) / 1e6
