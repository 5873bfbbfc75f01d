"""What the step engine has done so far, for the benchmarks and the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts, and seconds of the device's thread."""

    ticks: int = 0
    forwards: int = 0
    rows: int = 0
    backlog_forwards: int = 0
    backlog_rows: int = 0
    """The same, of the steps that could not take everybody along."""
    decodes: int = 0
    previews: int = 0
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            ("tick", "begin", "forward", "scheduler", "decode", "preview"), 0.0
        )
    )

    @contextmanager
    def timed(self, what: str, clock: Callable[[], float]) -> Iterator[None]:
        """Add the seconds of the block to `what`."""
        begun = clock()
        try:
            yield
        finally:
            self.seconds[what] += clock() - begun
