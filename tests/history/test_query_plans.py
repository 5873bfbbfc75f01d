"""What the stores ask must stay fast at a million rows: each statement finds its rows by an index."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from bot.core.jobs import JobStatus
from bot.history.database import Database
from bot.history.preferences import SqlitePreferences
from tests.history.examples import ANNA, STUDIO, Stores, a_hash, a_job

PLANNED: Final = ("SELECT", "UPDATE", "DELETE")
# jobs_open is as short as the queue, and read as a whole; json_each reads the few values it is handed.
SLOW: Final = re.compile(r"SCAN (?!jobs USING INDEX jobs_open$|json_each )|TEMP B-TREE|AUTOMATIC")


async def _start_and_end(stores: Stores) -> None:
    job = a_job()
    await stores.jobs.add(job)
    await stores.jobs.start(job.id, 0.0)
    await stores.jobs.end(job.id, JobStatus.FAILED, 0.0)


async def _set_message(stores: Stores) -> None:
    await stores.jobs.set_message((await stores.keep()).job_id, 1, 2)


async def _delete(stores: Stores) -> None:
    await stores.history.delete([(await stores.keep(source=a_hash("2"))).id])


async def _reveal(stores: Stores) -> None:
    await stores.history.reveal((await stores.keep(hidden=True)).id)


async def _get_job(stores: Stores) -> None:
    await stores.jobs.get((await stores.keep()).job_id)


async def _get_generation(stores: Stores) -> None:
    await stores.history.get((await stores.keep()).id)


async def _next_page(stores: Stores) -> None:
    last = await stores.keep()
    await stores.history.page(ANNA, limit=9, before=(last.created_at, last.id))


ASKED: Final[dict[str, Callable[[Stores], Awaitable[object]]]] = {
    "jobs_by_id": _get_job,
    "start_and_end": _start_and_end,
    "set_message": _set_message,
    "open": lambda stores: stores.jobs.take_up(),
    "complete": lambda stores: stores.keep(),
    "generation_by_id": _get_generation,
    "of_job": lambda stores: stores.history.of_job(a_job().id),
    "of_message": lambda stores: stores.history.of_message(1),
    "page": lambda stores: stores.history.page(ANNA, limit=9),
    "next_page": _next_page,
    "search": lambda stores: stores.history.page(ANNA, limit=9, matching="fox"),
    "latest": lambda stores: stores.history.latest(ANNA, STUDIO),
    "latest_outside_discord": lambda stores: stores.history.latest(ANNA, None),
    "reveal": _reveal,
    "delete": _delete,
}


async def _plan(database: Database, statements: list[str]) -> list[str]:
    # A trace writes infinity in a way that SQLite itself does not read.
    asked = [sql.replace("(Inf,", "(9e999,") for sql in statements if sql.strip().startswith(PLANNED)]
    assert asked
    return [row["detail"] for sql in asked for row in await database.fetch_all(f"EXPLAIN QUERY PLAN {sql}")]


async def _slow_parts(database: Database, statements: list[str]) -> list[str]:
    return [part for part in await _plan(database, statements) if SLOW.search(part)]


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
async def test_no_store_reads_a_whole_table_or_sorts(
    database: Database, stores: Stores, ask: Callable[[Stores], Awaitable[object]]
) -> None:
    statements: list[str] = []
    await database._connection.set_trace_callback(statements.append)
    await ask(stores)
    assert await _slow_parts(database, list(statements)) == []


@pytest.mark.parametrize("channel", [STUDIO, None])
async def test_the_latest_picture_in_a_channel_is_found_without_those_in_other_channels(
    database: Database, stores: Stores, channel: int | None
) -> None:
    statements: list[str] = []
    await database._connection.set_trace_callback(statements.append)
    await stores.history.latest(ANNA, channel)
    assert "(user_id=? AND channel_id=?)" in (await _plan(database, list(statements)))[0]


async def test_preferences_are_found_by_their_key(database: Database) -> None:
    statements: list[str] = []
    await database._connection.set_trace_callback(statements.append)
    await SqlitePreferences(database).get("commands")
    assert await _slow_parts(database, list(statements)) == []


async def test_a_query_that_no_index_serves_is_noticed(database: Database) -> None:
    slow = ["SELECT * FROM generations WHERE prompt = 'a fox' ORDER BY seconds"]
    assert await _slow_parts(database, slow) == ["SCAN generations", "USE TEMP B-TREE FOR ORDER BY"]
