"""What people are told about their wait, against what happened."""

import asyncio
from dataclasses import dataclass, replace
from random import Random
from statistics import median

import pytest

from bot.core.errors import TooManyWaitingError
from bot.core.feed import Ticket
from bot.core.jobs import Finished, Queued
from bot.core.requests import Source
from bot.engine.profile import Profile
from tests.core.examples import SOURCE
from tests.simulation.engine import BIG_CARD, SMALL_CARD
from tests.simulation.loop import simulate
from tests.simulation.wishes import A_SOURCE_FILE, a_wish, uneven
from tests.simulation.world import SLOTS, World

CANCELLED = 0.1
"""The share of jobs that is called off, within a minute."""
JOBS = 300
SEEDS = (1, 2)


@dataclass(frozen=True)
class Story:
    """Of a job that had to wait and ended well, in seconds."""

    eta: float
    """The first that it was told while it waited."""
    wait: float
    """From then to its pictures, in truth."""

    @property
    def error(self) -> float:
        """As a share of the wait."""
        return abs(self.eta - self.wait) / self.wait


async def stories(card: Profile, slots: int, users: int, gap: float, seed: int) -> list[Story]:
    """Of many users, who come by chance, `gap` seconds one after the other in the mean."""
    rng = Random(seed)  # noqa: S311 - no secret
    world = World(card=card, slots=slots, pace=uneven)
    source = replace(SOURCE, sha256=await world.images.put(A_SOURCE_FILE))
    async with world.at_work():
        watching = []
        for number in range(JOBS):
            ticket = await ask(world, rng, number, rng.randint(1, users), source)
            if ticket:
                patience = rng.uniform(0, 60) if rng.random() < CANCELLED else None
                watching.append(asyncio.create_task(watch(world, ticket, patience)))
            await asyncio.sleep(rng.expovariate(1 / gap))
        told = await asyncio.gather(*watching)
    return [story for story in told if story]


async def ask(world: World, rng: Random, number: int, user: int, source: Source) -> Ticket | None:
    """None where the user has as many on the way as one may."""
    try:
        return await world.submit(user, a_wish(rng, f"{user} {number}", source))
    except TooManyWaitingError:
        return None


async def watch(world: World, ticket: Ticket, patience: float | None) -> Story | None:
    """See a job through. None for one that was called off or did not have to wait."""
    loop = asyncio.get_running_loop()
    calling_off = None if patience is None else asyncio.create_task(world.call_off(ticket, patience))
    told: tuple[float, float] | None = None
    async for event in ticket.events():
        if isinstance(event, Queued) and event.eta is not None and told is None:
            told = (loop.time(), event.eta)
    if calling_off:
        calling_off.cancel()
    begun = world.jobs.rows[ticket.job.id].started_at
    if told is None or begun is None or begun <= told[0] or not isinstance(event, Finished):
        return None
    return Story(eta=told[1], wait=loop.time() - told[0])


@pytest.mark.parametrize(
    ("card", "slots", "users", "gap"),
    [
        (SMALL_CARD, SLOTS, 20, 1.1),
        (SMALL_CARD, SLOTS, 40, 0.5),
        (SMALL_CARD, 1, 40, 1.3),
        (BIG_CARD, SLOTS, 40, 0.25),
    ],
    ids=["busy", "a rush", "one at a time", "a rush on a big card"],
)
def test_the_first_estimate_is_off_by_less_than_three_tenths_of_the_wait(
    card: Profile, slots: int, users: int, gap: float
) -> None:
    told = [story for seed in SEEDS for story in simulate(stories(card, slots, users, gap, seed))]

    assert len(told) >= len(SEEDS) * JOBS // 2, "most have to wait"
    off = median(story.error for story in told)
    assert off < 0.3, f"the median error is {off:.1%} of the wait, of {len(told)} jobs"
