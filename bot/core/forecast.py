"""When a job's pictures will be there, as far as can be foreseen from what runs and what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.ids import JobId

OVERTAKEN: Final = 1.3
"""Times the wait of a job behind others of its own user: those who come anew have their turns before it.
How many will come nobody knows; so much it was in simulations of six loads (`tests/simulation`)."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job's pictures: how many, and the device milliseconds that they still take together."""

    job_id: JobId
    pictures: int
    cost: float
    behind_own: bool = False
    """Whether it waits behind another job of its own user."""


def forecast(running: Sequence[Work], waiting: Sequence[Work], slots: int) -> Mapping[JobId, float]:
    """Seconds from now to the end of every job.

    Of the pictures that the step engine has, those with the least work left come first. A job that must
    wait for a slot is not promised that: until it ends it is overtaken by whoever comes anew, in the
    queue, and by what is smaller or older, in the engine. So it ends behind all that is in hand and all
    whose turn comes before its own. In simulation (`tests/simulation`) that is off by a quarter of the
    wait; playing the engine's order through for those who wait promised them half of it or less.

    Args:
        waiting: in the order of their turns.
        slots: pictures that the engine has use for at once.
    """
    in_hand = list(running)
    pictures = sum(work.pictures for work in running)
    behind = list(waiting)
    while behind and pictures < slots:
        in_hand.append(behind.pop(0))
        pictures += in_hand[-1].pictures
    in_hand.sort(key=lambda work: work.cost / work.pictures)
    ends: dict[JobId, float] = {}
    now = 0.0
    for work in (*in_hand, *behind):
        now += work.cost / 1000
        ends[work.job_id] = now * OVERTAKEN if work.behind_own else now
    return ends
