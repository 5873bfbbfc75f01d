"""When a job's pictures will be there: what runs and what waits, played through ahead of time."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core.ids import JobId


@dataclass(frozen=True, slots=True)
class Work:
    """A job's pictures: how many, and the device milliseconds that they still take together."""

    job_id: JobId
    pictures: int
    cost: float


def forecast(running: Sequence[Work], waiting: Sequence[Work], slots: int) -> Mapping[JobId, float]:
    """Seconds from now to the end of every job.

    As the step engine does it: of the pictures that it has, those with the least work left come first
    (its ageing left out), and a job joins when fewer than `slots` pictures are in hand.

    Args:
        waiting: in the order of their turns.
        slots: pictures that the engine has use for at once.
    """
    ends: dict[JobId, float] = {}
    now = 0.0
    in_hand = sum(work.pictures for work in running)
    line = [(work.cost, number, work) for number, work in enumerate(running)]
    heapq.heapify(line)
    coming = iter(waiting)
    number = len(line)
    following = next(coming, None)
    while line or following:
        while following and (in_hand < slots or not line):
            in_hand += following.pictures
            heapq.heappush(line, (following.cost, number, following))
            number += 1
            following = next(coming, None)
        cost, _, work = heapq.heappop(line)
        now += cost / 1000
        in_hand -= work.pictures
        ends[work.job_id] = now
    return ends
