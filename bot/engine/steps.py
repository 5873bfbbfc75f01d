"""Counts a pipeline's denoising steps, passes them on, and stops between two of them."""

from collections.abc import Callable
from threading import Event
from typing import Any

from bot.engine.capabilities import Parameters, step_callback
from bot.engine.worker import Stopped


def as_steps(done: int, evaluations: int, order: int, asked: int) -> tuple[int, int]:
    """`done` of `evaluations` of the model as (step, steps): a step of Heun's method has two (the last, one).

    Args:
        order: how often the scheduler evaluates the model in each step.
        asked: `num_inference_steps`; a scheduler that evaluates more often (PNDM, once more) still
            counts as having run so many.
    """
    steps = min(-(-evaluations // order), asked)
    return -(-done * steps // evaluations), steps


class StepWatch:
    """Watches one call of a pipeline, on the device's thread.

    Args:
        report: called there with (step, steps), step from 1.
        stop: when set, the next step is the last: `Stopped` is raised out of the pipeline. (Diffusers'
            own `_interrupt` would still pay for the decode.)
    """

    def __init__(self, report: Callable[[int, int], None], stop: Event) -> None:
        self._report = report
        self._stop = stop
        self._evaluations = 0
        self._order = 1
        self._planned = 0
        self._asked = 0
        self.steps = 0
        """How many have been run."""

    def start(self, parameters: Parameters, order: int, planned: int, asked: int) -> dict[str, Any]:
        """The keyword argument by which a pipeline tells us its steps; none when it cannot.

        Args:
            order: how often the scheduler evaluates the model in each step.
            planned: steps to run, for a pipeline that does not say by itself.
            asked: `num_inference_steps`.

        Raises:
            Stopped: before the first step.
        """
        self._check()
        self._evaluations, self.steps = 0, 0
        self._order, self._planned, self._asked = order, planned, asked
        name = step_callback(parameters)
        if name is None:
            self.steps = planned
            return {}
        return {name: self._on_step_end if name == "callback_on_step_end" else self._on_step}

    def _on_step_end(
        self, pipeline: Any, _index: int, _timestep: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        self._evaluations += 1
        evaluations = getattr(pipeline, "num_timesteps", None) or self._planned * self._order
        step, steps = as_steps(self._evaluations, evaluations, self._order, self._asked)
        if step > self.steps:
            self._advance(step, steps)
        self._check()
        return tensors

    def _on_step(self, _step: int, _timestep: Any, _latents: Any) -> None:
        self._advance(self.steps + 1, self._planned)
        self._check()

    def _advance(self, step: int, steps: int) -> None:
        self.steps = step
        self._report(step, steps)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped
