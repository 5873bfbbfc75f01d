"""The jobs that this process is busy with, and what is known of each beside its row."""

import asyncio
from dataclasses import dataclass, field

from bot.core.feed import Feed
from bot.core.jobs import Job, Progress, Render


@dataclass(slots=True, eq=False)
class LiveJob:
    """A job that waits or runs."""

    job: Job
    feed: Feed
    task: asyncio.Task[None] | None = None
    """Sees it through, once it has begun. Not cancelled, for it writes down how the job ended; only a
    closing service gives up waiting for it."""
    work: asyncio.Task[list[Render]] | None = None
    """The part of it that may be called off."""
    stopped: bool = False
    called_off: bool = False
    """Its owner or a moderator wants it back."""
    cancelled: bool = False
    """And its row says so."""
    made: bool = False
    """Its pictures are there, and only have to be kept: too late to cancel."""
    progress: Progress | None = field(default=None, repr=False)

    @property
    def pictures(self) -> int:
        return len(self.job.recipes)

    @property
    def share_done(self) -> float:
        """0 to 1."""
        return self.progress.step / self.progress.steps if self.progress else 0.0

    def stop(self) -> None:
        """End its work, within one step."""
        self.stopped = True
        if self.work:
            self.work.cancel()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands, for whoever looks at the queue."""

    job: Job
    position: int
    """From 1; 0 for a job that runs."""
    eta: float | None
    """Seconds to its pictures; None while nothing is known."""
    progress: Progress | None
