"""Several jobs at once, for an engine that has use for them; and what a lost device leaves."""

import asyncio

import pytest

from bot.core.errors import DeviceLostError, GenerationError
from bot.core.jobs import Cancelled, JobStatus, Progress, Suspended
from bot.core.policy import Actor
from bot.core.progress import JobProgress
from bot.core.requests import ImagineRequest
from tests.core.examples import ANNA, BERT, a_recipe
from tests.core.house import House, failure, finished, let_all_run, now, running
from tests.core.stores import SteppingClock

OWNER = Actor(ANNA)


async def begun(house: House) -> list[str]:
    """Prompts of the pictures that the engine has begun."""
    await let_all_run()
    return [recipe.prompt for recipe in house.engine.recipes]


async def test_an_engine_with_more_slots_gets_more_jobs(house: House) -> None:
    house.engine.slots = 2
    first = await running(house)
    second, third = await house.submit("a2"), await house.submit("a3")

    assert await begun(house) == ["the running one", "a2"]
    house.engine.release()
    for ticket in (first, second, third):
        await finished(ticket)


async def test_slots_are_pictures_and_a_job_that_has_begun_gets_all_of_its_own(house: House) -> None:
    house.engine.slots = 4
    await running(house)
    await house.submit(ImagineRequest(prompt="three", count=3))
    await house.submit("waits")

    assert await begun(house) == ["the running one", "three", "three", "three"]
    assert house.row(await house.submit("waits too", user=BERT)).status is JobStatus.QUEUED


async def test_cancelling_one_of_two_leaves_the_other(house: House) -> None:
    house.engine.slots = 2
    first = await running(house)
    second = await house.submit("a2")
    await let_all_run()

    await house.service.cancel(first.job.id, OWNER)

    assert await first.outcome() == Cancelled()
    house.engine.release()
    await finished(second)


async def test_when_one_picture_of_a_job_fails_the_others_are_called_off(house: House) -> None:
    house.engine.slots = 4
    house.engine.errors.append(GenerationError("tiny", "broken"))

    ticket = await house.submit(ImagineRequest(prompt="a fox", count=3))

    assert isinstance(await failure(ticket), GenerationError)
    assert house.engine.decodes == 0
    assert house.history.rows == {}


async def test_a_lost_device_fails_nobodys_job_on_record(house: House) -> None:
    house.engine.slots = 1
    first = await running(house)
    waiting = await house.submit("a2", user=BERT)
    house.engine.errors.append(DeviceLostError("illegal memory access"))
    doomed = await house.submit("a3")
    await house.service.cancel(first.job.id, OWNER)
    await first.outcome()
    await waiting.outcome()

    assert house.service.device_lost.is_set()
    assert [house.row(ticket).status for ticket in (waiting, doomed)] == [JobStatus.RUNNING, JobStatus.QUEUED]
    for ticket in (waiting, doomed):
        assert isinstance(await now(ticket), Suspended)
    with pytest.raises(DeviceLostError):
        await house.submit("one more")


async def test_closing_waits_for_every_running_job(house: House) -> None:
    house.engine.slots = 3
    tickets = [await running(house), await house.submit("a2"), await house.submit("a3")]
    await let_all_run()

    await asyncio.wait_for(house.service.close(), 5)

    assert [house.row(ticket).status for ticket in tickets] == [JobStatus.QUEUED] * 3
    assert house.engine.decodes == 0


def test_progress_adds_up_over_the_pictures() -> None:
    told: list[Progress] = []
    progress = JobProgress(
        [a_recipe(num_inference_steps=4), a_recipe(num_inference_steps=10, strength=0.5)],
        told.append,
        SteppingClock().now,
    )

    progress.told(0, 1, 4)
    progress.told(1, 5, 5)
    progress.told(0, 4, 4)

    assert told == [Progress(1, 9, 0, 2, 1.0), Progress(6, 9, 1, 2, 2.0), Progress(9, 9, 2, 2, 3.0)]
