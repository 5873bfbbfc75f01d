"""The queue: deficit round robin between users, first come first served within one user's jobs.

Shreedhar & Varghese 1995, "Efficient fair queuing using deficit round robin", in the form that lets the
last job of a turn overdraw ("surplus round robin"): a turn is worth `QUANTUM` of device time; whoever
took more sits out as many rounds as it takes to pay back. So whoever comes has a turn after at most one
turn of each other user, whatever the job costs, and in the long run all have the same device time.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from bot.core.errors import QueueFullError, TooManyWaitingError
from bot.core.ids import JobId

QUANTUM: Final = 100.0
"""Milliseconds of device time that a turn is worth: less than a picture, so that shares are fine."""
LAG: Final = 4.0
"""Times its fair share that somebody with debts waits at the most, however many new users come."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job in the queue."""

    job_id: JobId
    user_id: int
    cost: float
    """Device milliseconds, estimated."""
    weight: float = 1.0
    """The user's share of the device, relative to other people's."""
    running_limit: int | None = None
    """Jobs of this user that may run at once, where that is fewer than everywhere."""
    alone: bool = False
    """It runs while nothing else does: it may be what the process died of."""


@dataclass(slots=True)
class _User:
    """One user's line, and when their turn comes."""

    order: int
    """Of those whose round has come, who joined it first goes first."""
    round: int
    weight: float = 1.0
    balance: float = 0.0
    """Milliseconds left of the turn."""
    line: deque[Waiting] = field(default_factory=deque)
    running: int = 0

    def copy(self) -> "_User":
        return _User(self.order, self.round, self.weight, self.balance, deque(self.line), self.running)


class FairQueue:
    """Who waits, in which order, and how many may."""

    def __init__(self, *, limit: int, limit_per_user: int, running_per_user: int | None = None) -> None:
        """At most `limit` jobs wait in all; one user has at most `limit_per_user` waiting and running, and
        `running_per_user` running (None: as many as are on the way)."""
        self._limit = limit
        self._limit_per_user = limit_per_user
        self._running_per_user = running_per_user or limit_per_user
        self._users: dict[int, _User] = {}
        self._waiting: dict[JobId, Waiting] = {}
        self._running: dict[JobId, Waiting] = {}
        self._reserved: dict[JobId, int] = {}
        """Places for jobs that are just being written down: their users."""
        self._clock = 0.0
        """Which round it is. It goes on with every job, and jumps when nobody's round has come yet."""
        self._orders = count()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def check(self, user_id: int, limit: int | None = None) -> None:
        """Whether one more job of this user may join.

        Args:
            limit: jobs that the user may have waiting and running, where that is fewer than everywhere.

        Raises:
            TooManyWaitingError: the user has as many on the way as one may.
            QueueFullError: the queue is full.
        """
        limit = min(limit or self._limit_per_user, self._limit_per_user)
        user = self._users.get(user_id)
        own = len(user.line) + user.running if user else 0
        if own + sum(owner == user_id for owner in self._reserved.values()) >= limit:
            raise TooManyWaitingError(limit, self._first_cost(user_id) / 1000)
        if len(self) + len(self._reserved) >= self._limit:
            # A place is free as soon as the next one starts, which is when the running ones end.
            raise QueueFullError(self._limit, sum(job.cost for job in self._running.values()) / 1000)

    def reserve(self, job_id: JobId, user_id: int, limit: int | None = None) -> None:
        """Keep a place for a job until it joins or leaves. Raises as `check`."""
        self.check(user_id, limit)
        self._reserved[job_id] = user_id

    def join(self, job: Waiting) -> None:
        """Put a job at the end of its user's line."""
        self._reserved.pop(job.job_id, None)
        user = self._users.get(job.user_id)
        if user is None or (user.round < self._round and not user.line):
            running = user.running if user else 0
            turn = QUANTUM * job.weight
            user = _User(next(self._orders), self._round, balance=turn, running=running)
            self._users[job.user_id] = user
        elif not user.line:
            user.order = next(self._orders)
        user.weight = job.weight
        user.line.append(job)
        self._waiting[job.job_id] = job

    def take(self) -> Waiting | None:
        """The job whose turn it is, now counted as running; None when none may begin now."""
        candidates = [user for user in self._users.values() if self._may_run(user)]
        due = [user for user in candidates if user.round <= self._round]
        user = min(due, key=_order, default=None) or min(candidates, key=_turn, default=None)
        if user is None or (self._running and (user.line[0].alone or self._is_alone())):
            return None
        weights = sum(user.weight for user in self._users.values() if user.line)
        before = user.round
        job = _serve(user, self._orders)
        self._clock = _later(self._clock, before, job, weights)
        user.running += 1
        del self._waiting[job.job_id]
        self._running[job.job_id] = job
        return job

    def leave(self, job_id: JobId, spent: float | None = None) -> bool:
        """Forget a job, waiting or running; whether it was there.

        Args:
            spent: device milliseconds that a running job took in truth: its user pays those, not what
                was estimated. None where nobody knows.
        """
        if self._reserved.pop(job_id, None) is not None:
            return True
        if job := self._waiting.pop(job_id, None):
            self._users[job.user_id].line.remove(job)
        elif job := self._running.pop(job_id, None):
            user = self._users[job.user_id]
            user.running -= 1
            if spent is not None:
                _charge(user, spent - job.cost, job.weight, self._orders, self._round)
        else:
            return False
        self._forget_idle()
        return True

    def order(self) -> list[Waiting]:
        """All that wait, in the order of their turns, as far as that can be foreseen."""
        users = [user.copy() for user in self._users.values() if user.line]
        orders = count(max((user.order for user in users), default=0) + 1)
        clock, weights = self._clock, sum(user.weight for user in users)
        # Those whose round is to come, and those whose round has come, in their own orders.
        later = [(_turn(user), user) for user in users]
        heapq.heapify(later)
        due: list[tuple[int, _User]] = []
        found: list[Waiting] = []
        while later or due:
            while later and (later[0][1].round <= int(clock) or not due):
                _, user = heapq.heappop(later)
                heapq.heappush(due, (user.order, user))
                if user.round > int(clock):
                    break
            _, user = heapq.heappop(due)
            before = user.round
            job = _serve(user, orders)
            found.append(job)
            clock = _later(clock, before, job, weights)
            if user.line:
                heapq.heappush(later, (_turn(user), user))
            else:
                weights -= user.weight
        return found

    @property
    def _round(self) -> int:
        return int(self._clock)

    def _first_cost(self, user_id: int) -> float:
        """Of the user's job that ends first, as far as that can be foreseen; 0 for none."""
        running = (job.cost for job in self._running.values() if job.user_id == user_id)
        waiting = (job.cost for job in self._users[user_id].line) if user_id in self._users else ()
        return next(iter((*running, *waiting)), 0.0)

    def _may_run(self, user: _User) -> bool:
        if not user.line:
            return False
        limit = user.line[0].running_limit or self._running_per_user
        return user.running < min(limit, self._running_per_user)

    def _is_alone(self) -> bool:
        return any(job.alone for job in self._running.values())

    def _forget_idle(self) -> None:
        """Whose line is empty is remembered while there is something to pay back to somebody else."""
        if not self._waiting:
            # Nobody else waited, so nobody was kept from anything.
            self._users = {id_: user for id_, user in self._users.items() if user.running}
            for user in self._users.values():
                user.round, user.balance = self._round, QUANTUM
            return
        self._users = {
            id_: user
            for id_, user in self._users.items()
            if user.line or user.running or user.round > self._round
        }


def _order(user: _User) -> int:
    return user.order


def _turn(user: _User) -> tuple[int, int]:
    return user.round, user.order


def _later(clock: float, round_of: int, job: Waiting, weights: float) -> float:
    """The clock after `job`, of a user whose round was `round_of`, among users of so much weight together.

    That it moves with the device's time, and not only from round to round, is what lets somebody with
    debts have a turn while ever new users come, each of whom joins at the round that it is.
    """
    return max(clock, round_of) + job.cost / (QUANTUM * max(weights, job.weight) * LAG)


def _serve(user: _User, orders: "count[int]") -> Waiting:
    """The first job of the user's line, paid for."""
    job = user.line.popleft()
    _charge(user, job.cost, job.weight, orders)
    return job


def _charge(
    user: _User, cost: float, weight: float, orders: "count[int]", earliest: int | None = None
) -> None:
    """Take `cost` off the turn's balance; what it lacks is earned by sitting out rounds, one turn each.

    Args:
        cost: below 0 for what was charged before and not used.
        earliest: the round that stands now: such a refund brings a turn no nearer than this. What was
            never owed, or has been forgiven, is no claim on other people's turns.
    """
    turn = QUANTUM * weight
    user.balance -= cost
    rounds = 1 - math.ceil(user.balance / turn)
    if earliest is not None:
        rounds = max(rounds, min(0, earliest - user.round))
    user.balance = min(user.balance + rounds * turn, turn)
    user.round += rounds
    if rounds:
        user.order = next(orders)
