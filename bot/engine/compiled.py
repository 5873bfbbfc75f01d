"""torch.compile for the shapes that were warmed up, and no recompilation ever after."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class Compiled:
    """Calls a method of `module`, by its compiled program where the arguments' shapes have one.

    A program is made inside `warming()` only: a compilation takes up to minutes, and must not happen
    while people wait. Every other shape runs as it is.
    """

    def __init__(self, module: Any, method: str, *, enabled: bool) -> None:
        self._module = module
        self._method = method
        self._program = torch.compile(getattr(module, method), dynamic=False) if enabled else None
        self._warm: set[tuple[Any, ...]] = set()
        self._rows: set[int] = set()
        self._warming = False

    @contextmanager
    def warming(self) -> Iterator[None]:
        """Shapes that are called inside get a program, and keep it."""
        self._warming = True
        try:
            yield
        finally:
            self._warming = False

    def padded(self, rows: int) -> int:
        """The least warm number of rows that holds `rows`; `rows` itself where there is none."""
        return min((warm for warm in self._rows if warm >= rows), default=rows)

    def __call__(self, first: torch.Tensor, *arguments: Any, **named: Any) -> Any:
        shape = tuple(first.shape)
        if self._program is not None and self._warming:
            self._warm.add(shape)
            self._rows.add(shape[0])
        program = self._program if shape in self._warm else None
        return (program or getattr(self._module, self._method))(first, *arguments, **named)
