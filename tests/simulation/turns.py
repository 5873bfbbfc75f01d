"""A queue that remembers who joined, began and ended, in order."""

from typing import Any, Literal, NamedTuple

from bot.core.ids import JobId
from bot.core.queue import FairQueue, Waiting


class Turn(NamedTuple):
    """One thing that happened."""

    kind: Literal["joined", "began", "left", "ended"]
    """`left` is called off while it waits."""
    job: Waiting
    anew: bool = False
    """Its user joined with nothing waiting, running or to pay back."""
    refund: float = 0.0
    """Milliseconds that it took less than was estimated."""


class RecordedQueue(FairQueue):
    """`turns` has all that happened."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(**limits)
        self.turns: list[Turn] = []

    @property
    def users(self) -> set[int]:
        """Who is remembered."""
        return set(self._users)

    def join(self, job: Waiting) -> None:
        self.turns.append(Turn("joined", job, anew=job.user_id not in self._users))
        super().join(job)

    def take(self) -> Waiting | None:
        job = super().take()
        if job:
            self.turns.append(Turn("began", job))
        return job

    def leave(self, job_id: JobId, spent: float | None = None) -> bool:
        if job := self._waiting.get(job_id):
            self.turns.append(Turn("left", job))
        elif job := self._running.get(job_id):
            refund = 0.0 if spent is None else max(0.0, job.cost - spent)
            self.turns.append(Turn("ended", job, refund=refund))
        return super().leave(job_id, spent)

    def began(self) -> list[Waiting]:
        """All jobs that began, in order."""
        return [turn.job for turn in self.turns if turn.kind == "began"]
