"""How far a job is, over all of its pictures, whether they are made together or one after another."""

from collections.abc import Callable, Sequence

from bot.core.jobs import Progress
from bot.core.recipe import Recipe
from bot.core.strength import steps_run


class JobProgress:
    """Adds up what an engine tells of each picture, and passes the sum on."""

    def __init__(self, recipes: Sequence[Recipe], emit: Callable[[Progress], None]) -> None:
        self._emit = emit
        self._step = [0] * len(recipes)
        self._steps = [_planned(recipe) for recipe in recipes]

    def told(self, index: int, step: int, steps: int) -> None:
        """Picture `index` (from 0) has run `step` of `steps`."""
        self._step[index], self._steps[index] = step, steps
        made = sum(step == steps for step, steps in zip(self._step, self._steps, strict=True))
        self._emit(Progress(sum(self._step), sum(self._steps), made, len(self._steps)))


def _planned(recipe: Recipe) -> int:
    steps = recipe.num_inference_steps
    return steps if recipe.strength is None else steps_run(steps, recipe.strength)
