import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import aiosqlite
import pytest

from bot.core.errors import JobOverError, UnknownJobError
from bot.core.ids import JobId
from bot.core.jobs import LOCAL_USER, JobStatus
from bot.history.jobs import SqliteJobs
from tests.history.examples import HALL, Stores, a_generation, a_hash, a_job

GONE = JobId("GONE0000")
OVER = [JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED]


async def test_a_stored_job_is_read_back_equal(jobs: SqliteJobs) -> None:
    job = a_job(source=a_hash("a"), message=77)
    await jobs.add(job)
    assert await jobs.get(job.id) == job


async def test_an_unknown_job_is_an_error_that_names_it(jobs: SqliteJobs) -> None:
    with pytest.raises(UnknownJobError) as caught:
        await jobs.get(GONE)
    assert caught.value.job_id == GONE


async def test_start_makes_a_queued_job_run(jobs: SqliteJobs) -> None:
    job = a_job()
    await jobs.add(job)
    await jobs.start(job.id, 12.5)
    assert await jobs.get(job.id) == replace(job, status=JobStatus.RUNNING, started_at=12.5)


@pytest.mark.parametrize("status", [JobStatus.RUNNING, *OVER])
async def test_only_a_queued_job_starts(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job(status=status)
    await jobs.add(job)
    with pytest.raises(JobOverError) as caught:
        await jobs.start(job.id, 1.0)
    assert (caught.value.job_id, caught.value.status) == (job.id, status)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
async def test_an_unfinished_job_fails_with_its_sentence(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job(status=status)
    await jobs.add(job)
    await jobs.end(job.id, JobStatus.FAILED, 20.0, "Out of memory.")
    assert await jobs.get(job.id) == replace(
        job, status=JobStatus.FAILED, finished_at=20.0, error="Out of memory."
    )


@pytest.mark.parametrize("status", OVER)
async def test_a_job_that_is_over_stays_as_it_is(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job(status=status)
    await jobs.add(job)
    await jobs.end(job.id, JobStatus.CANCELLED, 20.0, "late")
    assert await jobs.get(job.id) == job


async def test_a_job_does_not_end_as_one_that_waits(jobs: SqliteJobs) -> None:
    job = a_job(status=JobStatus.RUNNING)
    await jobs.add(job)
    with pytest.raises(ValueError, match="queued"):
        await jobs.end(job.id, JobStatus.QUEUED, 1.0)


async def test_an_unknown_job_neither_starts_nor_ends_nor_gets_a_card(jobs: SqliteJobs) -> None:
    with pytest.raises(UnknownJobError):
        await jobs.start(GONE, 1.0)
    with pytest.raises(UnknownJobError):
        await jobs.end(GONE, JobStatus.FAILED, 1.0)
    with pytest.raises(UnknownJobError):
        await jobs.set_message(GONE, 1, 2)


async def test_the_card_of_a_job_is_the_card_of_its_pictures(stores: Stores) -> None:
    job = a_job()
    await stores.complete(job, a_generation(job))
    await stores.jobs.set_message(job.id, HALL, 777)
    (generation,) = await stores.history.of_job(job.id)
    moved = replace(job.origin, channel_id=HALL, message_id=777)
    assert ((await stores.jobs.get(job.id)).origin, generation.origin) == (moved, moved)


async def test_another_jobs_card_stays_where_it_is(stores: Stores) -> None:
    other = await stores.keep(message=1)
    job = a_job()
    await stores.jobs.add(job)
    await stores.jobs.set_message(job.id, HALL, 777)
    assert await stores.history.get(other.id) == other


async def test_open_jobs_are_taken_up_oldest_first(jobs: SqliteJobs) -> None:
    late = a_job(created_at=2.0)
    early = a_job(created_at=1.0, status=JobStatus.DELIVERING)
    for job in (late, early, *(a_job(status=status) for status in OVER)):
        await jobs.add(job)
    assert await jobs.take_up() == [early, late]


async def test_open_jobs_of_one_moment_keep_the_order_in_which_they_came(jobs: SqliteJobs) -> None:
    first, second = a_job(job_id="ZZZZZZZZ"), a_job(job_id="AAAAAAAA")
    await jobs.add(first)
    await jobs.add(second)
    assert await jobs.take_up() == [first, second]


async def test_what_ran_is_queued_again_when_it_is_taken_up_with_one_more_crash(jobs: SqliteJobs) -> None:
    job = a_job()
    await jobs.add(job)
    await jobs.start(job.id, 3.0)
    again = replace(job, crashes=1)
    assert await jobs.take_up() == [again]
    assert await jobs.get(job.id) == again
    assert await jobs.take_up() == [again]


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
async def test_the_command_lines_jobs_are_not_taken_up(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job(user=LOCAL_USER, status=status)
    await jobs.add(job)
    assert await jobs.take_up() == []
    assert await jobs.get(job.id) == job


@pytest.mark.parametrize("crashed", [False, True])
async def test_a_running_job_is_put_back(jobs: SqliteJobs, crashed: bool) -> None:
    job = a_job(crashes=1)
    await jobs.add(job)
    await jobs.start(job.id, 3.0)
    await jobs.put_back(job.id, crashed=crashed)
    assert await jobs.get(job.id) == replace(job, crashes=1 + crashed)


async def test_only_a_running_job_is_put_back(jobs: SqliteJobs) -> None:
    job = a_job(status=JobStatus.DELIVERING)
    await jobs.add(job)
    with pytest.raises(JobOverError):
        await jobs.put_back(job.id, crashed=False)


async def test_a_delivered_job_is_done_and_not_taken_up(stores: Stores) -> None:
    job = a_job()
    await stores.complete(job, a_generation(job))
    assert (await stores.jobs.get(job.id)).status is JobStatus.DELIVERING
    assert [taken.id for taken in await stores.jobs.take_up()] == [job.id]
    await stores.jobs.settle(job.id)
    assert (await stores.jobs.get(job.id)).status is JobStatus.DONE
    assert await stores.jobs.take_up() == []


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
async def test_an_end_is_taken_up_until_its_owner_has_been_told(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job()
    await jobs.add(job)
    await jobs.end(job.id, status, 20.0, "Why.")
    ended = replace(job, status=status, finished_at=20.0, error="Why.")
    assert await jobs.take_up() == [ended]
    await jobs.settle(job.id)
    assert await jobs.take_up() == []
    assert await jobs.get(job.id) == ended


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
async def test_what_has_not_ended_cannot_be_settled(jobs: SqliteJobs, status: JobStatus) -> None:
    job = a_job(status=status)
    await jobs.add(job)
    await jobs.settle(job.id)
    assert (await jobs.get(job.id)).status is status


async def test_settling_a_job_that_was_deleted_does_nothing(jobs: SqliteJobs) -> None:
    await jobs.settle(GONE)


async def test_the_command_lines_jobs_are_told_at_once(stores: Stores) -> None:
    made, failed = a_job(user=LOCAL_USER), a_job(user=LOCAL_USER)
    await stores.complete(made, a_generation(made))
    await stores.jobs.add(failed)
    await stores.jobs.end(failed.id, JobStatus.FAILED, 1.0)
    assert (await stores.jobs.get(made.id)).status is JobStatus.DONE
    told = await stores.jobs._database.fetch_all("SELECT told FROM jobs")
    assert [row["told"] for row in told] == [1, 1]


async def test_jobs_that_come_together_are_committed_together(
    jobs: SqliteJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[None] = []
    original = jobs._database.transaction

    def counted() -> AbstractAsyncContextManager[aiosqlite.Connection]:
        transactions.append(None)
        return original()

    monkeypatch.setattr(jobs._database, "transaction", counted)
    many = [a_job() for _ in range(50)]
    await asyncio.gather(*(jobs.add(job) for job in many))

    assert len(transactions) <= 2
    assert await jobs.take_up() == many


async def test_a_row_that_is_refused_is_nobody_elses_fault(jobs: SqliteJobs) -> None:
    one, other = a_job(), a_job()
    await jobs.add(one)
    refused, stored = await asyncio.gather(jobs.add(one), jobs.add(other), return_exceptions=True)
    assert isinstance(refused, Exception)
    assert stored is None
    assert await jobs.take_up() == [one, other]
