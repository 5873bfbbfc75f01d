"""Jobs in SQLite."""

import json
import sqlite3
from collections.abc import Sequence

import aiosqlite

from bot.core.errors import JobOverError, UnknownJobError
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import LOCAL_USER, TRANSITIONS, Job, JobStatus, Origin
from bot.core.recipe import Recipe
from bot.core.requests import Kind, Source
from bot.history.batch import Batch
from bot.history.database import Database


class SqliteJobs:
    """`JobStore` on a database. Every method may raise what `faults.translated` names."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added = Batch(self._insert)

    async def add(self, job: Job) -> None:
        """Store a new job; on return it survives a power cut.

        In the same transaction its interaction stops being one that was only acknowledged.
        """
        await self._added.add(job)

    async def get(self, job_id: JobId) -> Job:
        """The job as it is now. Raises UnknownJobError."""
        row = await self._database.fetch_one("SELECT * FROM jobs WHERE id = ?", (job_id,))
        if row is None:
            raise UnknownJobError(job_id)
        return _from_row(row)

    async def start(self, job_id: JobId, at: float) -> None:
        """Queued to running, at `at` seconds since the epoch.

        Raises:
            UnknownJobError: there is no such job.
            JobOverError: it is not queued; the error names the status that it has.
        """
        async with self._database.transaction() as connection:
            await check_move(connection, job_id, JobStatus.RUNNING)
            await connection.execute(
                "UPDATE jobs SET status = 'running', started_at = ? WHERE id = ?", (at, job_id)
            )

    async def put_back(self, job_id: JobId, *, crashed: bool) -> None:
        """Running to queued; with `crashed`, one more of its crashes.

        Raises:
            UnknownJobError: there is no such job.
            JobOverError: it is not running; the error names the status that it has.
        """
        async with self._database.transaction() as connection:
            await check_move(connection, job_id, JobStatus.QUEUED)
            await connection.execute(
                "UPDATE jobs SET status = 'queued', started_at = NULL, crashes = crashes + ? WHERE id = ?",
                (crashed, job_id),
            )

    async def end(self, job_id: JobId, status: JobStatus, at: float, error: str | None = None) -> None:
        """To failed or cancelled; a job that is over already stays as it is.

        The command line shows its user everything itself: its jobs are told at once.

        Raises:
            UnknownJobError: there is no such job.
            ValueError: `status` is another one.
        """
        if status not in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise ValueError(f"no job ends as {status} here")
        async with self._database.transaction() as connection:
            if not (await status_of(connection, job_id)).is_over:
                await check_move(connection, job_id, status)
                await connection.execute(_END, (status, at, error, LOCAL_USER, job_id))

    async def settle(self, job_id: JobId) -> None:
        """Its owner has been shown how it ended: delivering to done, and no start comes back to it.

        A job that has not ended, or has been deleted, is left alone.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_SETTLE, (job_id,))

    async def set_message(self, job_id: JobId, channel_id: int, message_id: int) -> None:
        """Remember which message is the card of a job and of its pictures. Raises UnknownJobError."""
        async with self._database.transaction() as connection:
            await status_of(connection, job_id)
            place = (channel_id, message_id, job_id)
            await connection.execute("UPDATE jobs SET channel_id = ?, message_id = ? WHERE id = ?", place)
            await connection.execute(
                "UPDATE generations SET channel_id = ?, message_id = ? WHERE job_id = ?", place
            )

    async def take_up(self) -> list[Job]:
        """All jobs of Discord's users that nobody has been shown the end of, oldest first.

        What was running when the last process ended is queued again, with one more crash.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_REQUEUE, (LOCAL_USER,))
            return [_from_row(row) for row in await connection.execute_fetchall(_OPEN, (LOCAL_USER,))]

    async def _insert(self, jobs: Sequence[Job]) -> None:
        tokens = [(job.origin.interaction_token,) for job in jobs if job.origin.interaction_token]
        async with self._database.transaction() as connection:
            await connection.executemany(_INSERT, [_to_row(job) for job in jobs])
            await connection.executemany("DELETE FROM acknowledged WHERE token = ?", tokens)


async def status_of(connection: aiosqlite.Connection, job_id: JobId) -> JobStatus:
    """A job's status, within a transaction. Raises UnknownJobError."""
    for row in await connection.execute_fetchall("SELECT status FROM jobs WHERE id = ?", (job_id,)):
        return JobStatus(row["status"])
    raise UnknownJobError(job_id)


async def check_move(connection: aiosqlite.Connection, job_id: JobId, to: JobStatus) -> None:
    """Check within a transaction that a job may go to `to`.

    Raises:
        UnknownJobError: there is no such job.
        JobOverError: `TRANSITIONS` does not allow it; the error names the status that it has.
    """
    status = await status_of(connection, job_id)
    if to not in TRANSITIONS[status]:
        raise JobOverError(job_id, status)


def origin_from_row(row: sqlite3.Row) -> Origin:
    """Who asked and where, from the columns of that name."""
    return Origin(
        user_id=row["user_id"],
        user_name=row["user_name"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        interaction_token=row["interaction_token"],
        private=bool(row["private"]),
    )


# `told = 0` is written out here and in the partial index alike: SQLite compares their text.
_OPEN = "SELECT * FROM jobs WHERE told = 0 AND user_id <> ? ORDER BY created_at, rowid"
_REQUEUE = """
UPDATE jobs SET status = 'queued', started_at = NULL, crashes = crashes + 1
WHERE told = 0 AND status = 'running' AND user_id <> ?
"""
_END = """
UPDATE jobs SET status = ?, finished_at = ?, error = ?, told = (user_id = ?) WHERE id = ?
"""
_SETTLE = """
UPDATE jobs SET told = 1, status = CASE status WHEN 'delivering' THEN 'done' ELSE status END
WHERE id = ? AND status IN ('delivering', 'failed', 'cancelled')
"""
_INSERT = """
INSERT INTO jobs (
    id, kind, user_id, user_name, guild_id, channel_id, message_id, interaction_token, private,
    source_sha256, source_width, source_height, source_prompt, source_model_prompt, source_parent_id,
    source_jump_url, recipes, status, created_at, started_at, finished_at, error, weight, crashes, told
) VALUES (
    :id, :kind, :user_id, :user_name, :guild_id, :channel_id, :message_id, :interaction_token, :private,
    :source_sha256, :source_width, :source_height, :source_prompt, :source_model_prompt, :source_parent_id,
    :source_jump_url, :recipes, :status, :created_at, :started_at, :finished_at, :error, :weight, :crashes,
    :told
)
"""


def _to_row(job: Job) -> dict[str, object]:
    origin, source = job.origin, job.source
    return {
        "id": job.id,
        "kind": job.kind,
        "user_id": origin.user_id,
        "user_name": origin.user_name,
        "guild_id": origin.guild_id,
        "channel_id": origin.channel_id,
        "message_id": origin.message_id,
        "interaction_token": origin.interaction_token,
        "private": origin.private,
        "source_sha256": source and source.sha256,
        "source_width": source and source.width,
        "source_height": source and source.height,
        "source_prompt": source and source.prompt,
        "source_model_prompt": source and source.model_prompt,
        "source_parent_id": source and source.parent_id,
        "source_jump_url": source and source.jump_url,
        "recipes": f"[{','.join(recipe.to_json() for recipe in job.recipes)}]",
        "status": job.status,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": job.error,
        "weight": job.weight,
        "crashes": job.crashes,
        "told": job.status.is_over,
    }


def _from_row(row: sqlite3.Row) -> Job:
    source = row["source_sha256"] and Source(
        sha256=row["source_sha256"],
        width=row["source_width"],
        height=row["source_height"],
        prompt=row["source_prompt"],
        model_prompt=row["source_model_prompt"],
        parent_id=row["source_parent_id"] and GenerationId(row["source_parent_id"]),
        jump_url=row["source_jump_url"],
    )
    return Job(
        id=JobId(row["id"]),
        kind=Kind(row["kind"]),
        origin=origin_from_row(row),
        recipes=tuple(Recipe.from_json(json.dumps(recipe)) for recipe in json.loads(row["recipes"])),
        source=source,
        status=JobStatus(row["status"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        weight=row["weight"],
        crashes=row["crashes"],
    )
