"""What came in, in order, and what is to be answered instead of doing as told."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from time import time
from typing import Any

from tests.loopback.answers import Answer
from tests.loopback.messages import Upload


@dataclass(slots=True)
class Call:
    """A request, and the status that it was answered with (0: dropped; None: not yet)."""

    method: str
    path: str
    payload: Any
    files: tuple[Upload, ...]
    status: int | None = None
    at: float = field(default_factory=time)

    def matches(self, method: str, pattern: str, *, uploads: bool) -> bool:
        """Whether it went to `pattern` (`*` stands for anything); with `uploads`, also had files."""
        return self.method == method and fnmatchcase(self.path, pattern) and (not uploads or bool(self.files))


@dataclass(slots=True)
class _Line:
    method: str
    pattern: str
    answers: Iterator[Answer | None]
    uploads: bool


class Script:
    """Answers by route; a line that has run out is passed over."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def add(self, method: str, pattern: str, answers: Iterable[Answer | None], *, uploads: bool) -> None:
        """See `LoopbackDiscord.answer`."""
        self._lines.append(_Line(method, pattern, iter(answers), uploads))

    def next_for(self, call: Call) -> Answer | None:
        """The scripted answer; None to do as told."""
        for line in self._lines:
            if call.matches(line.method, line.pattern, uploads=line.uploads):
                with suppress(StopIteration):
                    return next(line.answers)
        return None
