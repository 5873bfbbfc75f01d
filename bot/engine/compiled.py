"""torch.compile for the shapes that were warmed up, and no recompilation ever after."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

_MOST_PROGRAMS: Final = 1024
"""Of one function. Torch would stop at 8 and run further shapes as they are, without a word."""


class Compiled:
    """Calls a method of `module`, by a compiled program where the first argument's shape has one.

    A program is made inside `warming()` only: a compilation takes up to minutes, and must not happen
    while people wait. Every other shape runs as it is.
    """

    def __init__(self, module: Any, method: str, *, enabled: bool) -> None:
        self._module = module
        self._method = method
        self._program = torch.compile(getattr(module, method), dynamic=False) if enabled else None
        self._warm: set[tuple[int, ...]] = set()
        self.is_warming = False
        """Whether new shapes get a program now."""

    @contextmanager
    def warming(self) -> Iterator[None]:
        """Shapes that are called inside get a program, and keep it."""
        self.is_warming = self._program is not None
        try:
            yield
        finally:
            self.is_warming = False

    def padded(self, rows: int) -> int:
        """The least number of rows with a program that holds `rows`; `rows` itself where there is none."""
        return min((shape[0] for shape in self._warm if shape[0] >= rows), default=rows)

    def __call__(self, first: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        shape = tuple(first.shape)
        if self._program is not None and shape in self._warm:
            return self._program(first, *arguments, **named)
        if self._program is None or not self.is_warming:
            return getattr(self._module, self._method)(first, *arguments, **named)
        limits = {"recompile_limit": _MOST_PROGRAMS, "accumulated_recompile_limit": _MOST_PROGRAMS}
        with torch._dynamo.config.patch(limits):  # noqa: SLF001 - it has no public name
            made = self._program(first, *arguments, **named)
        self._warm.add(shape)
        return made
