"""Taking a job back: waiting, running, and too late."""

import asyncio

import pytest

from bot.core.errors import DatabaseBusyError, DeviceMemoryError, JobOverError, NotYoursError, UnknownJobError
from bot.core.ids import JobId
from bot.core.jobs import Cancelled, JobStatus, Queued
from bot.core.policy import Actor
from tests.core.examples import ANNA, BERT
from tests.core.house import House, failure, finished, running
from tests.core.stores import Gate

OWNER = Actor(ANNA)


async def test_a_waiting_job_is_taken_back_and_never_runs(house: House) -> None:
    first = await running(house)
    waiting = await house.submit("a2")

    await house.service.cancel(waiting.job.id, OWNER)
    house.engine.release()
    await finished(first)

    assert await waiting.outcome() == Cancelled()
    row = house.row(waiting)
    assert (row.status, row.error) == (JobStatus.CANCELLED, None)
    assert row.finished_at is not None
    assert [recipe.prompt for recipe in house.engine.recipes] == ["the running one"]


async def test_a_running_job_stops_between_two_steps_and_the_next_begins(house: House) -> None:
    ticket = await running(house)
    following = await house.submit("a2")

    await house.service.cancel(ticket.job.id, OWNER)

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED
    assert house.engine.decodes == 0
    house.engine.release()
    await finished(following)


async def test_a_job_is_taken_back_in_the_moment_before_it_begins(house: House) -> None:
    first = await house.submit("a1")
    behind = await house.submit("a2")
    async for event in behind.events():
        if event == Queued(1):  # the first is off, and has not come to its first line
            await house.service.cancel(first.job.id, OWNER)
            break

    assert await first.outcome() == Cancelled()
    assert house.row(first).status is JobStatus.CANCELLED
    await finished(behind)
    assert [recipe.prompt for recipe in house.engine.recipes] == ["a2"]


async def test_it_is_too_late_to_cancel_once_the_pictures_are_made(house: House) -> None:
    gate = house.images.gates["put"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    with pytest.raises(JobOverError) as caught:
        await house.service.cancel(ticket.job.id, OWNER)
    assert caught.value.status == "delivering"

    gate.open()
    await finished(ticket)


async def test_it_is_too_late_to_cancel_what_is_over(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)

    with pytest.raises(JobOverError) as caught:
        await house.service.cancel(ticket.job.id, OWNER)

    assert (caught.value.job_id, caught.value.status) == (ticket.job.id, "delivering")


async def test_a_job_that_failed_is_said_to_have_failed_when_it_is_cancelled(house: House) -> None:
    house.engine.errors.append(DeviceMemoryError("tiny", 128, 128))
    ticket = await house.submit()
    await failure(ticket)

    with pytest.raises(JobOverError) as caught:
        await house.service.cancel(ticket.job.id, OWNER)

    assert caught.value.status == "failed"


async def test_what_follows_the_job_that_was_being_saved_can_be_cancelled(house: House) -> None:
    await finished(await house.submit())
    await house.engine.begun.get()
    ticket = await running(house)

    await house.service.cancel(ticket.job.id, OWNER)

    assert await ticket.outcome() == Cancelled()


@pytest.mark.parametrize("waits", [True, False])
async def test_cancelling_twice_does_no_harm(house: House, waits: bool) -> None:
    first = await running(house)
    ticket = await house.submit("a2") if waits else first
    gate = house.jobs.gates["end"] = Gate()

    once = asyncio.create_task(house.service.cancel(ticket.job.id, OWNER))
    await gate.reached.wait()
    await house.service.cancel(ticket.job.id, OWNER)
    gate.open()
    await once

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED


async def test_a_user_is_told_their_jobs_that_can_be_cancelled(house: House) -> None:
    first, other = await running(house), await house.submit("b1", user=BERT)
    second = await house.submit("a2")

    assert house.service.jobs_of(ANNA) == [first.job, second.job]

    await house.service.cancel(first.job.id, OWNER)
    await first.outcome()
    assert house.service.jobs_of(ANNA) == [second.job]
    assert house.service.jobs_of(BERT) == [other.job]


async def test_nobody_cancels_what_is_not_theirs_but_a_moderator(house: House) -> None:
    ticket = await running(house)

    with pytest.raises(NotYoursError):
        await house.service.cancel(ticket.job.id, Actor(BERT))
    await house.service.cancel(ticket.job.id, Actor(BERT, moderator=True))

    assert await ticket.outcome() == Cancelled()


async def test_ownership_is_checked_for_jobs_that_are_over_as_well(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)

    with pytest.raises(NotYoursError):
        await house.service.cancel(ticket.job.id, Actor(BERT))


async def test_a_job_that_nobody_knows_cannot_be_cancelled(house: House) -> None:
    with pytest.raises(UnknownJobError):
        await house.service.cancel(JobId("7K3QW9ZD"), OWNER)


async def test_a_job_that_is_cancelled_while_it_is_put_back_is_cancelled(house: House) -> None:
    ticket = await running(house)
    gate = house.jobs.gates["put_back"] = Gate()
    restarted = asyncio.create_task(house.engine.restart(90.0))
    await gate.reached.wait()

    await house.service.cancel(ticket.job.id, OWNER)
    gate.open()
    await restarted

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED
    assert house.service.jobs_of(ANNA) == []


async def test_a_cancel_that_fails_does_not_hide_how_the_job_ended(house: House) -> None:
    ticket = await running(house)
    gate = house.jobs.gates["end"] = Gate()
    house.jobs.faults["end"] = DatabaseBusyError()
    cancelling = asyncio.create_task(house.service.cancel(ticket.job.id, OWNER))
    await gate.reached.wait()
    await house.engine.restart(90.0)
    house.jobs.gates.clear()
    gate.open()

    with pytest.raises(DatabaseBusyError):
        await cancelling
    await finished(ticket)
