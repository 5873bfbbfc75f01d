"""Counting steps, and stopping between two of them."""

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from diffusers import PixArtAlphaPipeline, StableDiffusionPipeline

from bot.engine.capabilities import accepted
from bot.engine.steps import StepWatch
from bot.engine.worker import Stopped

NEW = accepted(StableDiffusionPipeline)
OLD = accepted(PixArtAlphaPipeline)


class Watching:
    """A watch, and what it reported."""

    def __init__(self) -> None:
        self.stop = Event()
        self.reports: list[tuple[int, int]] = []
        self.watch = StepWatch(lambda step, steps: self.reports.append((step, steps)), self.stop)

    def run(self, callback: dict[str, Any], evaluations: int, **pipeline: int) -> None:
        for index in range(evaluations):
            if "callback" in callback:
                callback["callback"](index, 0, None)
            else:
                tensors = {"latents": object()}
                assert (
                    callback["callback_on_step_end"](SimpleNamespace(**pipeline), index, 0, tensors)
                    is tensors
                )


def test_each_step_is_reported_with_the_pipeline_s_own_total() -> None:
    watching = Watching()

    watching.run(watching.watch.start(NEW, order=1, planned=9, asked=9), 3, num_timesteps=3)

    assert watching.reports == [(1, 3), (2, 3), (3, 3)]
    assert watching.watch.steps == 3


def test_a_pipeline_that_does_not_tell_its_total_gets_the_planned_one() -> None:
    watching = Watching()

    watching.run(watching.watch.start(NEW, order=1, planned=3, asked=9), 3)

    assert watching.reports[-1] == (3, 3)


def test_a_second_order_scheduler_s_two_evaluations_are_one_step() -> None:
    watching = Watching()

    watching.run(watching.watch.start(NEW, order=2, planned=3, asked=9), 5, num_timesteps=5)

    assert watching.reports == [(1, 3), (2, 3), (3, 3)]


def test_a_scheduler_that_evaluates_once_more_runs_no_more_steps_than_were_asked_for() -> None:
    watching = Watching()

    watching.run(watching.watch.start(NEW, order=1, planned=4, asked=4), 5, num_timesteps=5)

    assert watching.reports == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_old_callback_counts_steps_too() -> None:
    watching = Watching()

    watching.run(watching.watch.start(OLD, order=2, planned=3, asked=9), 3)

    assert watching.reports == [(1, 3), (2, 3), (3, 3)]


def test_a_pipeline_without_a_callback_has_run_the_planned_steps() -> None:
    watching = Watching()

    assert watching.watch.start({}, order=1, planned=5, asked=9) == {}
    assert (watching.watch.steps, watching.reports) == (5, [])


def test_a_second_start_counts_from_the_beginning() -> None:
    watching = Watching()
    watching.run(watching.watch.start(NEW, order=1, planned=3, asked=9), 2, num_timesteps=3)

    watching.run(watching.watch.start(NEW, order=1, planned=3, asked=9), 1, num_timesteps=3)

    assert watching.watch.steps == 1


@pytest.mark.parametrize("parameters", [NEW, OLD])
def test_stop_is_seen_at_the_end_of_the_step(parameters: Any) -> None:
    watching = Watching()
    callback = watching.watch.start(parameters, order=1, planned=3, asked=9)
    watching.stop.set()

    with pytest.raises(Stopped):
        watching.run(callback, 3)

    assert watching.reports == [(1, 3)]


def test_stop_is_seen_before_the_first_step() -> None:
    watching = Watching()
    watching.stop.set()

    with pytest.raises(Stopped):
        watching.watch.start(NEW, order=1, planned=3, asked=9)
