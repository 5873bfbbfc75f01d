"""A scheduler of its own for every picture, so that no state leaks from one to the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers


@contextmanager
def fresh_scheduler(pipeline: Any, name: str | None) -> Iterator[Any]:
    """Put a new scheduler into `pipeline`, and the model's own, which never runs, back afterwards.

    `from_pipe` shares the scheduler object between pipelines, and schedulers keep counters, past
    model outputs and noise levels.

    Args:
        name: a diffusers scheduler class, made from the model's own configuration; None for the
            model's own class.

    Raises:
        ValueError: diffusers has no such scheduler (or lacks a package for it).
    """
    own = pipeline.scheduler
    pipeline.scheduler = new_scheduler(own, name)
    try:
        yield pipeline.scheduler
    finally:
        pipeline.scheduler = own


def new_scheduler(own: Any, name: str | None) -> Any:
    """A scheduler with a model's own configuration, and nothing else in common with it.

    Args:
        own: the model's own, as it was loaded.
        name: a diffusers scheduler class; None for the model's own.

    Raises:
        ValueError: diffusers has no such scheduler (or lacks a package for it).
    """
    return _scheduler_class(own, name).from_config(own.config)


def _scheduler_class(own: Any, name: str | None) -> Any:
    found = type(own) if name is None else getattr(diffusers, name, None)
    if isinstance(found, type) and issubclass(found, diffusers.SchedulerMixin):
        return found
    raise ValueError(f"diffusers has no scheduler called {name!r} here")
