"""The queue: fair between users, first come first served within one user's jobs."""

from collections import deque
from dataclasses import dataclass

from bot.core.errors import QueueFullError, TooManyWaitingError
from bot.core.ids import JobId


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits: its cost in seconds of device time, estimated."""

    job_id: JobId
    user_id: int
    cost: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands: its number in line (1 is next), and the seconds of work ahead of it."""

    job_id: JobId
    number: int
    ahead: float


class FairQueue:
    """Users take turns, so that one user's many jobs delay another's single job by one turn.

    Plain round robin over users: a user who joins goes to the end of the round, and has their turn
    again only when everybody else who waits has had one.
    """

    def __init__(self, *, limit: int, limit_per_user: int) -> None:
        """At most `limit` jobs wait in all; one user has at most `limit_per_user` waiting and running."""
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._turns: deque[int] = deque()
        self._lines: dict[int, deque[Waiting]] = {}
        self._running: dict[JobId, Waiting] = {}

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._lines.values())

    def check(self, user_id: int) -> None:
        """Whether one more job of this user may join.

        Raises:
            TooManyWaitingError: the user has as many on the way as one may.
            QueueFullError: the queue is full.
        """
        own = [job for job in (*self._running.values(), *self._in_order()) if job.user_id == user_id]
        if len(own) >= self._limit_per_user:
            raise TooManyWaitingError(self._limit_per_user, own[0].cost)
        if len(self) >= self._limit:
            # A place is free as soon as the next one starts, which is when the running ones end.
            raise QueueFullError(self._limit, sum(job.cost for job in self._running.values()))

    def join(self, job: Waiting) -> None:
        """Put a job at the end of its user's line. Call `check` first."""
        if job.user_id not in self._lines:
            self._lines[job.user_id] = deque()
            self._turns.append(job.user_id)
        self._lines[job.user_id].append(job)

    def take(self) -> Waiting | None:
        """The job whose turn it is, now counted as running; None when nobody waits."""
        if not self._turns:
            return None
        user_id = self._turns.popleft()
        line = self._lines[user_id]
        job = line.popleft()
        if line:
            self._turns.append(user_id)
        else:
            del self._lines[user_id]
        self._running[job.job_id] = job
        return job

    def leave(self, job_id: JobId) -> bool:
        """Forget a job, waiting or running; whether it was there."""
        if self._running.pop(job_id, None):
            return True
        for user_id, line in self._lines.items():
            for job in line:
                if job.job_id == job_id:
                    line.remove(job)
                    if not line:
                        del self._lines[user_id]
                        self._turns.remove(user_id)
                    return True
        return False

    def places(self) -> list[Place]:
        """All that wait, in the order of their turns."""
        ahead = sum(job.cost for job in self._running.values())
        places: list[Place] = []
        for number, job in enumerate(self._in_order(), 1):
            places.append(Place(job.job_id, number, ahead))
            ahead += job.cost
        return places

    def _in_order(self) -> list[Waiting]:
        lines = {user: deque(line) for user, line in self._lines.items()}
        turns = deque(self._turns)
        order: list[Waiting] = []
        while turns:
            user_id = turns.popleft()
            order.append(lines[user_id].popleft())
            if lines[user_id]:
                turns.append(user_id)
        return order
