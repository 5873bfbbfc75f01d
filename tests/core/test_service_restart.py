"""What a stop leaves, and what the next start makes of it."""

import asyncio
from dataclasses import replace

import pytest

from bot.core.errors import (
    CrashedError,
    DatabaseBusyError,
    DeviceMemoryError,
    EarlierError,
    RestartingError,
    StoppingError,
)
from bot.core.feed import Ticket
from bot.core.jobs import LOCAL_USER, Cancelled, Failed, Finished, JobStatus, Queued, Suspended
from bot.core.policy import Actor
from bot.core.requests import ImagineRequest
from tests.core.examples import ANNA, BERT, a_job
from tests.core.house import House, failure, finished, let_all_run, now, running
from tests.core.stores import Gate


async def suspended(ticket: Ticket) -> bool:
    """Whether the job ends, for this process, by being left to the next."""
    outcome = await ticket.outcome()
    return isinstance(outcome, Suspended) and isinstance(outcome.error, RestartingError)


def taken_up(house: House) -> list[Ticket]:
    return house.service.taken_up


async def test_closing_puts_back_what_runs_and_leaves_what_waits(house: House) -> None:
    ticket = await running(house)
    waiting = await house.submit("a2")

    await house.service.close()

    assert await suspended(ticket)
    assert await suspended(waiting)
    assert [house.row(t).status for t in (ticket, waiting)] == [JobStatus.QUEUED] * 2
    assert house.row(ticket).crashes == 0
    assert house.engine.decodes == 0


async def test_closing_waits_until_the_device_is_free(house: House) -> None:
    device = house.engine.device = Gate()
    await running(house)

    closed = asyncio.create_task(house.service.close())
    await device.reached.wait()
    await let_all_run()
    assert not closed.done()

    device.open()
    await closed


async def test_a_closed_service_takes_nothing_new(house: House) -> None:
    await house.service.close()
    await house.service.close()

    with pytest.raises(StoppingError):
        await house.submit()
    with pytest.raises(StoppingError):
        house.service.check(ImagineRequest(prompt="a fox"), ANNA)
    assert house.jobs.rows == {}


async def test_a_job_that_ends_while_the_service_closes_is_told(house: House) -> None:
    error = DeviceMemoryError("tiny", 128, 128)
    house.engine.errors.append(error)
    gate = house.jobs.gates["end"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    closed = asyncio.create_task(house.service.close())
    await let_all_run()
    gate.open()
    await closed

    assert await failure(ticket) is error
    assert house.row(ticket).status is JobStatus.FAILED


async def test_a_job_that_joins_while_the_service_closes_is_left_to_the_next_start(house: House) -> None:
    gate = house.jobs.gates["add"] = Gate()
    submitted = asyncio.create_task(house.submit())
    await gate.reached.wait()
    await house.service.close()
    gate.open()

    ticket = await submitted
    assert await suspended(ticket)
    assert house.row(ticket).status is JobStatus.QUEUED


async def test_a_job_that_is_just_being_begun_is_put_back(house: House) -> None:
    gate = house.jobs.gates["start"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    closed = asyncio.create_task(house.service.close())
    await let_all_run()
    gate.open()
    await closed

    assert await suspended(ticket)
    assert house.row(ticket).status is JobStatus.QUEUED
    assert house.engine.decodes == 0


async def test_a_job_that_cannot_be_put_back_is_taken_for_crashed(house: House) -> None:
    ticket = await running(house)
    house.jobs.faults["put_back"] = DatabaseBusyError()

    await house.service.close()
    assert await suspended(ticket)
    house.engine.release()
    await house.restart()

    await finished(taken_up(house)[0])
    assert house.row(ticket).crashes == 1


async def test_draining_lets_what_runs_end_and_begins_nothing(house: House) -> None:
    ticket = await running(house)
    waiting = await house.submit("a2")

    drained = asyncio.create_task(house.service.drain(grace=60))
    await let_all_run()
    event = await now(waiting)
    house.engine.release()
    await drained

    assert event.stopping  # type: ignore[union-attr] # it waits
    assert len(await finished(ticket)) == 1
    assert await suspended(waiting)
    assert house.row(waiting).status is JobStatus.QUEUED


async def test_draining_puts_back_what_does_not_end_in_time(house: House) -> None:
    ticket = await running(house)

    await house.service.drain(grace=0)

    assert await suspended(ticket)
    assert house.row(ticket).status is JobStatus.QUEUED


async def test_a_draining_service_takes_nothing_new(house: House) -> None:
    await running(house)
    drained = asyncio.create_task(house.service.drain(grace=60))
    await let_all_run()

    with pytest.raises(StoppingError):
        await house.submit()

    house.engine.release()
    await drained


async def test_the_next_start_makes_what_the_last_one_left_in_the_same_order(house: House) -> None:
    left = [await running(house)]
    for user, prompt in ((ANNA, "a2"), (BERT, "b1"), (ANNA, "a3")):
        left.append(await house.submit(prompt, user=user))
    house.engine.release()
    house.engine.recipes.clear()
    await house.service.drain(grace=0)

    await house.restart()

    assert [ticket.job.id for ticket in taken_up(house)] == [ticket.job.id for ticket in left]
    for ticket in taken_up(house):
        await finished(ticket)
        assert house.row(ticket).status is JobStatus.DELIVERING
    prompts = [recipe.prompt for recipe in house.engine.recipes]
    assert prompts == ["the running one", "b1", "a2", "a3"]


async def test_what_ran_when_the_process_died_is_tried_once_more(house: House) -> None:
    job = a_job(status=JobStatus.RUNNING, started_at=1.0)
    await house.jobs.add(job)

    await house.restart()
    await finished(taken_up(house)[0])

    assert house.jobs.rows[job.id].crashes == 1


async def test_what_the_process_died_of_twice_is_given_up_with_its_reason(house: House) -> None:
    job = a_job(status=JobStatus.RUNNING, crashes=1)
    await house.jobs.add(job)

    await house.restart()

    error = await failure(taken_up(house)[0])
    assert isinstance(error, CrashedError)
    row = house.jobs.rows[job.id]
    assert (row.status, row.error) == (
        JobStatus.FAILED,
        "The bot broke down 2 times while it made this, so it was given up.",
    )
    assert house.engine.recipes == []


async def test_a_job_that_may_be_deadly_runs_alone(house: House) -> None:
    house.engine.slots = 4
    await house.jobs.add(a_job(status=JobStatus.RUNNING, created_at=1.0))
    await house.restart()
    house.engine.hold()
    await house.engine.begun.get()
    beside = await house.submit("beside", user=BERT)
    await let_all_run()

    assert len(house.engine.recipes) == 1
    assert await now(beside) == Queued(1)

    house.engine.release()
    await finished(taken_up(house)[0])
    await finished(beside)


async def test_what_was_made_and_not_delivered_is_delivered(house: House) -> None:
    ticket = await house.submit()
    generations = await finished(ticket)

    await house.restart()

    [again] = taken_up(house)
    assert await again.outcome() == Finished(generations)
    assert len(house.engine.recipes) == 1


async def test_what_was_settled_is_not_taken_up(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)
    await house.service.settle(ticket.job.id)

    await house.restart()

    assert taken_up(house) == []
    assert house.row(ticket).status is JobStatus.DONE


async def test_a_failure_that_nobody_was_told_is_told_by_the_next_start(house: House) -> None:
    house.engine.errors.append(DeviceMemoryError("tiny", 128, 128))
    ticket = await house.submit()
    await failure(ticket)

    await house.restart()

    error = await failure(taken_up(house)[0])
    assert isinstance(error, EarlierError)
    assert error.sentence == house.row(ticket).error


async def test_a_cancellation_that_nobody_was_told_is_told_by_the_next_start(house: House) -> None:
    ticket = await running(house)
    await house.service.cancel(ticket.job.id, Actor(ANNA))
    assert await ticket.outcome() == Cancelled()

    await house.restart()

    assert await taken_up(house)[0].outcome() == Cancelled()


async def test_a_job_taken_up_whose_model_has_left_the_catalogue_fails(house: House) -> None:
    job = a_job()
    await house.jobs.add(replace(job, recipes=(replace(job.recipe, model="gone"),)))

    await house.restart()

    assert isinstance(await taken_up(house)[0].outcome(), Failed)


async def test_a_start_leaves_the_jobs_of_the_command_line_alone(closed_house: House) -> None:
    job = a_job(user=LOCAL_USER)
    await closed_house.jobs.add(job)

    await closed_house.service.start(recover=True)

    assert closed_house.service.taken_up == []
    assert closed_house.jobs.rows == {job.id: job}


async def test_a_service_beside_a_running_bot_leaves_its_jobs_alone(closed_house: House) -> None:
    job = a_job()
    await closed_house.jobs.add(job)

    await closed_house.service.start(recover=False)

    assert closed_house.service.taken_up == []
    assert closed_house.jobs.rows == {job.id: job}


async def test_a_queue_that_was_closed_can_still_be_looked_at(house: House) -> None:
    await running(house)
    await house.submit("a2")
    await house.service.close()

    assert house.service.standings() == []


async def test_a_job_that_was_left_to_the_next_start_can_be_cancelled(house: House) -> None:
    await running(house)
    waiting = await house.submit("a2")
    await house.service.close()

    await house.service.cancel(waiting.job.id, Actor(ANNA))

    assert house.row(waiting).status is JobStatus.CANCELLED
    house.engine.release()
    await house.restart()
    assert await taken_up(house)[1].outcome() == Cancelled()


async def test_what_does_not_stop_in_time_is_left_behind_and_counts_as_no_crash(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.dispatcher.LAST_WRITES", 0.01)
    device = house.engine.device = Gate()
    ticket = await running(house)

    await house.service.close()

    assert await suspended(ticket)
    assert (house.row(ticket).status, house.row(ticket).crashes) == (JobStatus.QUEUED, 0)
    device.open()


async def test_times_are_told_by_what_is_known_now(house: House) -> None:
    house.engine.hold()
    await house.submit("a1")
    waiting = await house.submit("b1", user=BERT)
    house.engine.estimates = 300.0

    [_, standing] = house.service.standings()
    assert standing.job == waiting.job
    assert standing.eta == pytest.approx(0.6)
