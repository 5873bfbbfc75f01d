"""How long a job will take, learnt from the jobs before it."""

from typing import Final

from bot.core.recipe import Recipe
from bot.core.strength import steps_run

FIRST_GUESS: Final = 10.0
"""Seconds for a picture of a model that has made none yet; only fairness uses it, no user sees it."""
_WEIGHT: Final = 0.3
"""Of the newest picture in the moving average: follows a change of load within a few pictures."""


class Estimates:
    """Seconds per megapixel and step, per model: an exponential moving average."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}

    def learn(self, recipe: Recipe, seconds: float) -> None:
        """Take in that `recipe` took `seconds`."""
        rate = seconds / _work(recipe)
        known = self._rates.get(recipe.model, rate)
        self._rates[recipe.model] = known + _WEIGHT * (rate - known)

    def knows(self, model: str) -> bool:
        """Whether an estimate for `model` rests on anything."""
        return model in self._rates

    def seconds(self, recipes: tuple[Recipe, ...]) -> float:
        """The estimated seconds of device time for all of a job's pictures."""
        return sum(
            self._rates[recipe.model] * _work(recipe) if recipe.model in self._rates else FIRST_GUESS
            for recipe in recipes
        )


def _work(recipe: Recipe) -> float:
    """Megapixels times steps, with one step's worth for encoding and decoding."""
    steps = recipe.num_inference_steps
    run = steps if recipe.strength is None else steps_run(steps, recipe.strength)
    return recipe.width * recipe.height * (run + 1) / 1e6
