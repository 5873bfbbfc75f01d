from dataclasses import replace

from bot.core.ports import Acknowledged
from bot.history.acknowledged import SqliteAcknowledged
from bot.history.database import Database
from bot.history.jobs import SqliteJobs
from tests.history.examples import a_job

FIRST = Acknowledged("token-1", private=False, created_at=1.0)
SECOND = Acknowledged("token-2", private=True, created_at=2.0)


async def test_what_was_promised_is_kept_oldest_first(database: Database) -> None:
    acknowledged = SqliteAcknowledged(database)
    await acknowledged.add(SECOND)
    await acknowledged.add(FIRST)
    assert await acknowledged.all() == [FIRST, SECOND]


async def test_what_was_answered_is_forgotten(database: Database) -> None:
    acknowledged = SqliteAcknowledged(database)
    await acknowledged.add(FIRST)
    await acknowledged.remove(FIRST.token)
    await acknowledged.remove(FIRST.token)
    assert await acknowledged.all() == []


async def test_what_became_a_job_is_forgotten_with_the_same_commit(
    database: Database, jobs: SqliteJobs
) -> None:
    acknowledged = SqliteAcknowledged(database)
    await acknowledged.add(FIRST)
    await acknowledged.add(SECOND)
    job = a_job()
    await jobs.add(replace(job, origin=replace(job.origin, interaction_token=FIRST.token)))
    assert await acknowledged.all() == [SECOND]
