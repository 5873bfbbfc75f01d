"""How far a job is, over all of its pictures, whether they are made together or one after another."""

from collections.abc import Callable, Sequence

from bot.core.jobs import Picture, Progress
from bot.core.recipe import Recipe
from bot.core.strength import steps_run


class JobProgress:
    """Adds up what an engine tells of each picture, and passes the sum on."""

    def __init__(
        self, recipes: Sequence[Recipe], emit: Callable[[Progress], None], now: Callable[[], float]
    ) -> None:
        """`now` is a clock that never goes back, in seconds."""
        self._emit = emit
        self._now = now
        self._begun = now()
        self._step = [0] * len(recipes)
        self._steps = [planned_steps(recipe) for recipe in recipes]
        self._previews: dict[int, Picture] = {}

    def told(self, index: int, step: int, steps: int) -> None:
        """Picture `index` (from 0) has run `step` of `steps`."""
        self._step[index], self._steps[index] = step, steps
        self._tell()

    def shown(self, index: int, preview: Picture) -> None:
        """Picture `index` looks like this so far."""
        self._previews[index] = preview
        self._tell()

    def _tell(self) -> None:
        made = sum(step == steps for step, steps in zip(self._step, self._steps, strict=True))
        previews = tuple(self._previews[index] for index in sorted(self._previews))
        seconds = self._now() - self._begun
        self._emit(Progress(sum(self._step), sum(self._steps), made, len(self._steps), seconds, previews))


def not_begun(recipes: Sequence[Recipe]) -> Progress:
    """A job's turn has come, and no step is run yet: its model may have to be loaded first."""
    return Progress(0, sum(planned_steps(recipe) for recipe in recipes), 0, len(recipes))


def planned_steps(recipe: Recipe) -> int:
    """The steps that a picture will run, as far as its recipe says."""
    steps = recipe.num_inference_steps
    return steps if recipe.strength is None else steps_run(steps, recipe.strength)
