"""Stop, and start again."""

import asyncio

import pytest

from bot.core.errors import DeviceMemoryError, RestartedError, StoppingError
from bot.core.jobs import LOCAL_USER, JobStatus
from bot.core.requests import ImagineRequest
from tests.core.examples import ANNA, a_job
from tests.core.house import House, failure, let_all_run, running
from tests.core.stores import Gate


async def test_closing_stops_the_running_job_and_leaves_everything_on_record(house: House) -> None:
    ticket = await running(house)
    waiting = await house.submit("a2")

    await house.service.close()

    assert isinstance(await failure(ticket), RestartedError)
    assert isinstance(await failure(waiting), RestartedError)
    assert house.row(ticket).status is JobStatus.RUNNING
    assert house.row(waiting).status is JobStatus.QUEUED
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

    await house.service.close()

    assert await failure(ticket) is error
    assert house.row(ticket).status is JobStatus.RUNNING


async def test_a_job_that_joins_while_the_service_closes_is_told(house: House) -> None:
    gate = house.jobs.gates["add"] = Gate()
    submitted = asyncio.create_task(house.submit())
    await gate.reached.wait()
    closed = asyncio.create_task(house.service.close())
    asyncio.get_running_loop().call_soon(gate.open)
    await closed

    assert isinstance(await failure(await submitted), RestartedError)


async def test_the_next_start_fails_what_the_last_one_left(house: House) -> None:
    left = [await running(house), await house.submit("a2")]
    await house.service.close()

    house.service = house.new_service()
    await house.service.start(recover=True)

    assert [job.id for job in house.service.interrupted] == [ticket.job.id for ticket in left]
    for ticket in left:
        row = house.row(ticket)
        assert (row.status, row.error) == (
            JobStatus.FAILED,
            "The bot restarted before this was made; press Again.",
        )
        assert row.finished_at is not None


async def test_a_start_leaves_the_jobs_of_the_command_line_alone(closed_house: House) -> None:
    job = a_job(user=LOCAL_USER)
    await closed_house.jobs.add(job)

    await closed_house.service.start(recover=True)

    assert closed_house.service.interrupted == []
    assert closed_house.jobs.rows == {job.id: job}


async def test_a_service_beside_a_running_bot_leaves_its_jobs_alone(closed_house: House) -> None:
    job = a_job()
    await closed_house.jobs.add(job)

    await closed_house.service.start(recover=False)

    assert closed_house.service.interrupted == []
    assert closed_house.jobs.rows == {job.id: job}
