"""What goes wrong, and who is told."""

import asyncio
import logging

import pytest

from bot.core.errors import (
    DatabaseBusyError,
    DeviceMemoryError,
    DiskFullError,
    GenerationError,
    SourceGoneError,
)
from bot.core.jobs import Cancelled, JobStatus
from bot.core.policy import Actor
from bot.core.requests import RemixRequest
from tests.core.examples import ANNA, SOURCE
from tests.core.house import House, failure, finished, running
from tests.core.stores import Gate

OWNER = Actor(ANNA)


async def test_a_job_that_the_engine_fails_has_its_sentence_and_the_next_goes_on(house: House) -> None:
    error = DeviceMemoryError("tiny", 128, 128)
    house.engine.errors.append(error)
    ticket, following = await house.submit("a1"), await house.submit("a2")

    assert await failure(ticket) is error
    row = house.row(ticket)
    assert row.status is JobStatus.FAILED
    assert (
        row.error
        == "`tiny` ran out of memory at 128x128, also after a smaller try; ask for a smaller picture."
    )
    assert house.history.rows == {}
    await finished(following)


async def test_an_error_that_nobody_foresaw_is_logged_and_told_as_the_models(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.engine.errors.append(RuntimeError("shape mismatch"))
    ticket = await house.submit()

    error = await failure(ticket)

    assert isinstance(error, GenerationError)
    assert (error.model, error.detail) == ("tiny", "shape mismatch")
    assert house.row(ticket).status is JobStatus.FAILED
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


async def test_a_job_that_cannot_be_written_down_is_not_accepted(house: House) -> None:
    house.jobs.faults["add"] = DatabaseBusyError()

    with pytest.raises(DatabaseBusyError):
        await house.submit()

    del house.jobs.faults["add"]
    assert house.jobs.rows == {}
    assert len(house.service._queue) == 0
    await finished(await house.submit())


@pytest.mark.parametrize("method", ["start", "put", "complete"])
async def test_a_job_that_storage_fails_is_failed_and_the_next_goes_on(house: House, method: str) -> None:
    error = DiskFullError("data")
    stores = {"start": house.jobs, "put": house.images, "complete": house.history}
    stores[method].faults[method] = error
    ticket = await house.submit()

    assert await failure(ticket) is error
    assert house.row(ticket).status is JobStatus.FAILED
    assert house.history.rows == {}

    del stores[method].faults[method]
    await finished(await house.submit())


@pytest.mark.parametrize("error", [DatabaseBusyError(), RuntimeError("a bug")])
async def test_the_user_is_told_of_a_failure_even_if_it_cannot_be_written_down(
    house: House, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    house.jobs.faults["end"] = error
    house.engine.errors.append(DeviceMemoryError("tiny", 128, 128))
    ticket = await house.submit()

    assert isinstance(await failure(ticket), DeviceMemoryError)
    assert house.row(ticket).status is JobStatus.RUNNING
    assert "could not be written down" in caplog.text

    del house.jobs.faults["end"]
    await finished(await house.submit())


@pytest.mark.parametrize("error", [DatabaseBusyError(), RuntimeError("a bug")])
async def test_what_cannot_be_written_down_as_cancelled_goes_on(house: House, error: Exception) -> None:
    ticket = await running(house)
    house.jobs.faults["end"] = error

    with pytest.raises(type(error)):
        await house.service.cancel(ticket.job.id, OWNER)

    house.engine.release()
    await finished(ticket)


async def test_a_job_that_was_cancelled_while_it_began_stays_cancelled(house: House) -> None:
    gate = house.jobs.gates["start"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()
    await house.service.cancel(ticket.job.id, OWNER)
    gate.open()

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED
    assert house.engine.recipes == []


async def test_a_job_that_was_made_while_it_was_cancelled_stays_cancelled(house: House) -> None:
    ticket = await running(house)
    gate = house.jobs.gates["end"] = Gate()
    cancelling = asyncio.create_task(house.service.cancel(ticket.job.id, OWNER))
    await gate.reached.wait()
    house.engine.release()
    store = house.images.gates["put"] = Gate()
    await store.reached.wait()
    gate.open()
    await cancelling
    store.open()

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED
    assert house.history.rows == {}


async def test_a_remix_whose_source_is_gone_fails(house: House) -> None:
    ticket = await house.submit(RemixRequest(prompt="", source=SOURCE))

    assert isinstance(await failure(ticket), SourceGoneError)
    assert house.engine.recipes == []
