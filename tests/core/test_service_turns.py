"""Turns, places and limits."""

import asyncio
from dataclasses import astuple

import pytest

from bot.core.errors import OptionError, QueueFullError, TooManyWaitingError, UnknownModelError
from bot.core.feed import Ticket
from bot.core.jobs import JobStatus, Origin, Queued
from bot.core.policy import Actor
from bot.core.requests import ImagineRequest
from tests.core.examples import ANNA, BERT, CARL, STUDIO
from tests.core.house import House, finished, now, running
from tests.core.stores import Gate

OWNER = Actor(ANNA)


async def test_users_take_turns(house: House) -> None:
    tickets = [await running(house)]
    for prompt, user in (("a2", ANNA), ("a3", ANNA), ("b1", BERT), ("a4", ANNA), ("c1", CARL)):
        tickets.append(await house.submit(prompt, user=user))
    house.engine.release()
    for ticket in tickets:
        await finished(ticket)

    prompts = [recipe.prompt for recipe in house.engine.recipes]
    assert prompts == ["the running one", "b1", "c1", "a2", "a3", "a4"]


async def test_everyone_is_told_their_place_and_each_change_of_it(house: House) -> None:
    await running(house)
    second, third = await house.submit("a2"), await house.submit("a3")
    newcomer = await house.submit("b1", user=BERT)

    assert [await now(ticket) for ticket in (newcomer, second, third)] == [Queued(1), Queued(2), Queued(3)]

    await house.service.cancel(second.job.id, OWNER)
    assert [await now(ticket) for ticket in (newcomer, third)] == [Queued(1), Queued(2)]


async def test_those_behind_move_up_when_a_job_begins(house: House) -> None:
    ticket = await running(house)
    second, third = await house.submit("a2"), await house.submit("a3")
    assert await now(third) == Queued(2)

    await house.service.cancel(ticket.job.id, OWNER)
    await house.engine.begun.get()

    assert await now(third) == Queued(1)
    assert house.row(second).status is JobStatus.RUNNING


async def test_waiting_time_is_told_once_it_rests_on_something(house: House) -> None:
    await finished(await house.submit())
    await house.engine.begun.get()
    await running(house)

    ticket = await house.submit(ImagineRequest(prompt="a fox", count=2), user=BERT)
    behind = await house.submit(user=CARL)
    unknown = await house.submit(ImagineRequest(prompt="a fox", model="plain"))

    assert astuple(await now(ticket)) == pytest.approx((1, 1.5, False))
    assert astuple(await now(behind)) == pytest.approx((2, 2.0, False))
    assert await now(unknown) == Queued(3, None)


async def test_one_user_may_have_so_many_on_the_way() -> None:
    house = House(limit_per_user=2)
    await house.submit()
    await house.submit()

    with pytest.raises(TooManyWaitingError):
        await house.submit()
    with pytest.raises(TooManyWaitingError):
        house.service.check(ImagineRequest(prompt="a fox"), ANNA)
    assert len(house.jobs.rows) == 2
    await house.submit(user=BERT)


async def test_a_place_is_free_again_when_a_job_is_over(house: House) -> None:
    house.service._queue._limit_per_user = 1
    await finished(await house.submit())

    await finished(await house.submit())


async def test_the_queue_may_be_full() -> None:
    house = House(limit=1)
    await house.submit()

    with pytest.raises(QueueFullError):
        await house.submit(user=BERT)


async def test_two_at_the_same_moment_do_not_slip_past_the_limit() -> None:
    house = House(limit_per_user=1)
    gate = house.jobs.gates["add"] = Gate()
    both = asyncio.gather(house.submit(), house.submit(), return_exceptions=True)
    await gate.reached.wait()
    gate.open()

    accepted, refused = await both
    assert isinstance(accepted, Ticket)
    assert isinstance(refused, TooManyWaitingError)


async def test_a_request_is_checked_without_being_accepted(closed_house: House) -> None:
    closed_house.service.check(ImagineRequest(prompt="a fox"), ANNA)

    assert closed_house.jobs.rows == {}
    with pytest.raises(OptionError):
        closed_house.service.check(ImagineRequest(prompt="a fox", num_inference_steps=101), ANNA)
    with pytest.raises(UnknownModelError):
        await closed_house.submit(ImagineRequest(prompt="a fox", model="gone"))


async def test_a_place_that_is_kept_is_taken_by_its_job(closed_house: House) -> None:
    request, origin = ImagineRequest(prompt="a fox"), Origin(user_id=ANNA, guild_id=9, channel_id=STUDIO)
    closed_house.service._queue._limit_per_user = 1
    place = closed_house.service.reserve(request, ANNA, 9)

    with pytest.raises(TooManyWaitingError):
        closed_house.service.reserve(request, ANNA, 9)
    ticket = await closed_house.service.submit(request, origin, reserved=place)
    closed_house.service.release(place)

    assert ticket.job.id == place
    assert await now(ticket) == Queued(1)
    with pytest.raises(TooManyWaitingError):
        closed_house.service.reserve(request, ANNA, 9)


async def test_a_place_that_is_given_back_is_free(closed_house: House) -> None:
    closed_house.service._queue._limit_per_user = 1
    request = ImagineRequest(prompt="a fox")

    closed_house.service.release(closed_house.service.reserve(request, ANNA))

    closed_house.service.check(request, ANNA)
