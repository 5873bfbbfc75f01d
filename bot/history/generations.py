"""Finished pictures in SQLite."""

import json
import math
import sqlite3
from collections.abc import Sequence

from bot.core.errors import SourceGoneError
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import LOCAL_USER, Generation, HistoryCursor, JobStatus
from bot.core.recipe import Recipe
from bot.core.requests import Kind
from bot.history.database import Database
from bot.history.jobs import check_move, origin_from_row


class SqliteHistory:
    """`HistoryStore` on a database. Every method may raise what `faults.translated` names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def complete(self, job_id: JobId, generations: Sequence[Generation], at: float) -> None:
        """Store all pictures of a job and mark it as being delivered, or do neither.

        One of the command line is done at once: it shows its user everything itself.

        Who asked and where is taken from the job's row: its card may have been posted meanwhile.

        Raises:
            UnknownJobError: there is no such job.
            JobOverError: it is not running; the error names the status that it has.
        """
        async with self._database.transaction() as connection:
            await check_move(connection, job_id, JobStatus.DELIVERING)
            rows = [_to_row(generation) | {"job_id": job_id} for generation in generations]
            await connection.executemany(_INSERT, rows)
            await connection.execute(_MADE, {"at": at, "local": LOCAL_USER, "id": job_id})

    async def get(self, generation_id: GenerationId) -> Generation:
        """One picture. Raises SourceGoneError("generation") when it was deleted or never was."""
        for generation in await self._select("WHERE g.id = :id", id=generation_id):
            return generation
        raise SourceGoneError("generation", generation_id)

    async def of_job(self, job_id: JobId) -> list[Generation]:
        """A job's pictures in order, hidden ones too; [] when all were deleted."""
        return await self._select("WHERE g.job_id = :job_id ORDER BY g.idx", job_id=job_id)

    async def of_message(self, message_id: int) -> list[Generation]:
        """The pictures on the card that is this message, in order, hidden ones too."""
        return await self._select("WHERE g.message_id = :message_id ORDER BY g.idx", message_id=message_id)

    async def page(
        self, user_id: int, *, limit: int, before: HistoryCursor | None = None, matching: str = ""
    ) -> list[Generation]:
        """At most `limit` of a user's pictures that are not hidden, newest first, older than the cursor.

        `matching` keeps those whose id starts with it or whose prompt contains it, in any case; it
        reads through this user's pictures until the page is full.
        """
        created_at, generation_id = before or (math.inf, "")
        return await self._select(
            _PAGE,
            user_id=user_id,
            created_at=created_at,
            id=generation_id,
            id_start=matching.upper(),
            prompt_part=matching.casefold(),
            limit=limit,
        )

    async def latest(self, user_id: int, channel_id: int | None) -> Generation | None:
        """The user's own latest picture in this channel that is not hidden."""
        found = await self._select(_LATEST, user_id=user_id, channel_id=channel_id)
        return found[0] if found else None

    async def reveal(self, generation_id: GenerationId) -> None:
        """Take a ladder's tile into history. Raises SourceGoneError("generation")."""
        async with self._database.transaction() as connection:
            sql = "UPDATE generations SET hidden = 0 WHERE id = ?"
            if (await connection.execute(sql, (generation_id,))).rowcount == 0:
                raise SourceGoneError("generation", generation_id)

    async def delete(self, generation_ids: Sequence[GenerationId]) -> list[str]:
        """Delete rows, and jobs whose last picture that was; ids that are gone already are passed over.

        Returns:
            The hashes of the files, pictures and sources, that no picture and no open job
            refers to any more.
        """
        async with self._database.transaction() as connection:
            gone = list(await connection.execute_fetchall(_DELETE, (json.dumps(generation_ids),)))
            jobs = sorted({row["job_id"] for row in gone})
            await connection.execute(_DELETE_EMPTY_JOBS, (json.dumps(jobs),))
            files = {row["image_sha256"] for row in gone} | {row["source_sha256"] for row in gone}
            unused = await connection.execute_fetchall(_UNUSED, (json.dumps(sorted(files - {None})),))
            return [row["value"] for row in unused]

    async def _select(self, where: str, **parameters: object) -> list[Generation]:
        return [_from_row(row) for row in await self._database.fetch_all(_SELECT + where, parameters)]


_INSERT = """
INSERT INTO generations (
    id, job_id, idx, kind, user_id, guild_id, channel_id, message_id, private, parent_id, image_sha256,
    steps_run, seconds, versions, prompt_cut, shrunk_from_width, shrunk_from_height, hidden, created_at,
    recipe
) SELECT
    :id, id, :idx, kind, user_id, guild_id, channel_id, message_id, private, :parent_id, :image_sha256,
    :steps_run, :seconds, :versions, :prompt_cut, :shrunk_from_width, :shrunk_from_height, :hidden,
    :created_at, :recipe
FROM jobs WHERE id = :job_id
"""
_MADE = """
UPDATE jobs SET
    status = CASE user_id WHEN :local THEN 'done' ELSE 'delivering' END,
    told = (user_id = :local),
    finished_at = :at
WHERE id = :id
"""
_SELECT = """
SELECT
    g.id, g.job_id, g.idx, g.kind, g.user_id, g.guild_id, g.channel_id, g.message_id, g.private,
    g.parent_id, g.image_sha256, g.steps_run, g.seconds, g.versions, g.prompt_cut, g.shrunk_from_width,
    g.shrunk_from_height, g.hidden, g.created_at, g.recipe, j.user_name, j.interaction_token
FROM generations AS g JOIN jobs AS j ON j.id = g.job_id
"""
# instr(), for in LIKE a user's own % and _ would be wildcards. The empty text is in every prompt.
_PAGE = """
WHERE g.user_id = :user_id AND g.hidden = 0 AND (g.created_at, g.id) < (:created_at, :id)
    AND (instr(g.id, :id_start) = 1 OR instr(casefold(g.prompt), :prompt_part) > 0)
ORDER BY g.created_at DESC, g.id DESC
LIMIT :limit
"""
# IS, not =: outside of Discord there is no channel, and nothing equals NULL.
_LATEST = """
WHERE g.user_id = :user_id AND g.channel_id IS :channel_id AND g.hidden = 0 AND g.private = 0
ORDER BY g.created_at DESC, g.id DESC
LIMIT 1
"""
_DELETE = """
DELETE FROM generations WHERE id IN (SELECT value FROM json_each(?))
RETURNING job_id, image_sha256, source_sha256
"""
_DELETE_EMPTY_JOBS = """
DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM generations WHERE job_id = jobs.id)
"""
_UNUSED = """
SELECT value FROM json_each(?)
WHERE NOT EXISTS (SELECT 1 FROM generations WHERE image_sha256 = value)
    AND NOT EXISTS (SELECT 1 FROM generations WHERE source_sha256 = value)
    AND NOT EXISTS (
        SELECT 1 FROM jobs WHERE told = 0 AND source_sha256 = value
    )
"""


def _to_row(generation: Generation) -> dict[str, object]:
    width, height = generation.shrunk_from or (None, None)
    return {
        "id": generation.id,
        "idx": generation.index,
        "parent_id": generation.parent_id,
        "image_sha256": generation.image_sha256,
        "steps_run": generation.steps_run,
        "seconds": generation.seconds,
        "versions": json.dumps(generation.versions, separators=(",", ":"), ensure_ascii=False),
        "prompt_cut": generation.prompt_cut,
        "shrunk_from_width": width,
        "shrunk_from_height": height,
        "hidden": generation.hidden,
        "created_at": generation.created_at,
        "recipe": generation.recipe.to_json(),
    }


def _from_row(row: sqlite3.Row) -> Generation:
    width, height = row["shrunk_from_width"], row["shrunk_from_height"]
    return Generation(
        id=GenerationId(row["id"]),
        job_id=JobId(row["job_id"]),
        index=row["idx"],
        kind=Kind(row["kind"]),
        origin=origin_from_row(row),
        recipe=Recipe.from_json(row["recipe"]),
        image_sha256=row["image_sha256"],
        parent_id=row["parent_id"] and GenerationId(row["parent_id"]),
        steps_run=row["steps_run"],
        seconds=row["seconds"],
        versions=json.loads(row["versions"]),
        prompt_cut=row["prompt_cut"],
        shrunk_from=None if width is None else (width, height),
        hidden=bool(row["hidden"]),
        created_at=row["created_at"],
    )
