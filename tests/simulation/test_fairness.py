"""Nobody is kept waiting by who has much to do, and all have the same of the device."""

import asyncio

import pytest

from bot.core.requests import ImagineRequest
from bot.engine.profile import Profile
from tests.core.examples import ANNA, BERT
from tests.simulation.engine import BIG_CARD, SMALL_CARD
from tests.simulation.loop import simulate
from tests.simulation.world import BOOSTED, NO_LIMIT, RUNNING, SLOTS, World

FIRST_MINUTE = 60.0
"""Seconds until everybody has something of every kind on the way."""
GREEDY = (
    # steps, guidance, count, size: from a third of a second of the device to fifteen
    (10, 1.0, 1, (128, 128)),
    (50, 7.0, 4, (128, 128)),
    (25, 5.0, 2, (64, 64)),
    (12, 1.0, 4, (128, 192)),
    (40, 7.0, 1, (192, 128)),
    (30, 7.0, 3, (128, 128)),
    (20, 1.0, 1, (128, 64)),
    (50, 7.0, 2, (128, 128)),
    (15, 7.0, 4, (64, 128)),
    (35, 1.0, 1, (128, 128)),
)
"""Users 0 to 9, who differ in everything."""


async def a_newcomer(slots: int, running_per_user: int, after: float) -> int:
    """How many of Anna's fifty jobs begin from when Bert joins to when he begins."""
    world = World(slots=slots, running_per_user=running_per_user, limit_per_user=NO_LIMIT)
    async with world.at_work():
        tickets = [await world.submit(ANNA, ImagineRequest(prompt=f"anna {n}")) for n in range(50)]
        await asyncio.sleep(after)
        before = len(world.queue.began())
        berts = await world.submit(BERT, ImagineRequest(prompt="bert"))
        tickets.append(berts)
        for ticket in tickets:
            await ticket.outcome()
    began = [job.job_id for job in world.queue.began()]
    assert len(began) == 51
    assert before < 50, "Anna still had some waiting"
    return began.index(berts.job.id) - before


async def device_time(card: Profile, slots: int, window: float, boosted: int | None = None) -> list[float]:
    """Seconds of the device that each of the greedy had within a window of so many."""
    world = World(card=card, slots=slots)
    async with world.at_work():
        users = []
        for user, (steps, guidance, count, size) in enumerate(GREEDY):
            request = ImagineRequest(
                prompt=f"{user}", num_inference_steps=steps, guidance_scale=guidance, count=count, size=size
            )
            roles = (BOOSTED,) if user == boosted else ()
            users.append(asyncio.create_task(world.be_greedy(1 + user, request, roles)))
        await asyncio.sleep(FIRST_MINUTE)
        before = world.engine.spent.copy()
        await asyncio.sleep(window)
        after = world.engine.spent.copy()
        for task in users:
            task.cancel()
        await asyncio.gather(*users, return_exceptions=True)
    return [(after[f"{user}"] - before[f"{user}"]) / 1000 for user in range(len(GREEDY))]


def jain(shares: list[float]) -> float:
    """Jain, Chiu & Hawe 1984: 1 where all have the same, 1/n where one has everything."""
    return float(sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares)))


@pytest.mark.parametrize("after", [0.0, 3.0], ids=["at once", "later"])
@pytest.mark.parametrize("running_per_user", [RUNNING, NO_LIMIT])
@pytest.mark.parametrize("slots", [1, SLOTS])
def test_who_asks_for_one_picture_does_not_wait_for_fifty_of_somebody_else(
    slots: int, running_per_user: int, after: float
) -> None:
    assert simulate(a_newcomer(slots, running_per_user, after)) <= 1


@pytest.mark.parametrize(
    ("card", "slots", "window"),
    [(SMALL_CARD, 1, 300), (SMALL_CARD, SLOTS, 300), (BIG_CARD, SLOTS, 150)],
    ids=["one at a time", "many at once", "a big card"],
)
def test_ten_greedy_users_have_the_same_of_the_device_whatever_they_ask_for(
    card: Profile, slots: int, window: float
) -> None:
    shares = simulate(device_time(card, slots, window))

    assert jain(shares) >= 0.98, f"Jain's index is {jain(shares):.4f} of {shares}"


# One of the large jobs takes nine seconds of the device: a short window cannot tell.
@pytest.mark.parametrize(("boosted", "window"), [(0, 300), (1, 600)], ids=["small jobs", "large jobs"])
def test_a_boosted_user_has_twice_the_device_time_of_the_others(boosted: int, window: float) -> None:
    shares = simulate(device_time(SMALL_CARD, SLOTS, window, boosted))

    others = shares[:boosted] + shares[boosted + 1 :]
    ratio = shares[boosted] / (sum(others) / len(others))
    assert ratio == pytest.approx(2, rel=0.1), f"{ratio:.3f} times that of the others, of {shares}"
    assert jain(others) >= 0.98
