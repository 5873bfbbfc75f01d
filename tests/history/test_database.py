import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest

from bot.core.errors import DatabaseBusyError, DatabaseDamagedError, DiskFullError
from bot.history.database import Database, open_database
from bot.history.faults import translated
from bot.history.preferences import SqlitePreferences

SET = "INSERT INTO preferences (key, value) VALUES (?, ?)"


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(offset)
        file.write(data)


@pytest.fixture
def preferences(database: Database) -> SqlitePreferences:
    return SqlitePreferences(database)


async def test_a_missing_database_is_made_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "atelier.sqlite3"
    async with open_database(path) as database:
        await SqlitePreferences(database).set("a", "1")
    async with open_database(path) as database:
        assert await SqlitePreferences(database).get("a") == "1"


async def test_every_commit_is_synced_to_the_disk_and_foreign_keys_hold(database: Database) -> None:
    found = [
        await database.fetch_one(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")
    ]
    full, on = 2, 1
    assert [row and row[0] for row in found] == ["wal", full, on]


async def test_closing_leaves_one_file(path: Path) -> None:
    async with open_database(path) as database:
        await SqlitePreferences(database).set("a", "1")
    assert list(path.parent.iterdir()) == [path]


async def test_a_transaction_is_rolled_back_when_something_is_raised(
    database: Database, preferences: SqlitePreferences
) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(SET, ("a", "1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await preferences.get("a") is None


async def test_a_transaction_within_a_transaction_fails_loudly(database: Database) -> None:
    with pytest.raises(RuntimeError, match="in a transaction already"):
        async with database.transaction(), database.transaction():
            pass


async def test_a_query_beside_its_own_transaction_fails_loudly(
    database: Database, preferences: SqlitePreferences
) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="in a transaction already"):
            await preferences.get("a")


async def test_a_failed_transaction_leaves_the_way_free(
    database: Database, preferences: SqlitePreferences
) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction(), database.transaction():
            pass
    await preferences.set("a", "1")
    assert await preferences.get("a") == "1"


async def test_transactions_of_two_tasks_do_not_mix(
    database: Database, preferences: SqlitePreferences
) -> None:
    async def fail_in_the_middle() -> None:
        async with database.transaction() as connection:
            await connection.execute(SET, ("failed", "1"))
            entered.set()
            await go_on.wait()
            raise ZeroDivisionError

    entered, go_on = asyncio.Event(), asyncio.Event()
    failing = asyncio.create_task(fail_in_the_middle())
    await entered.wait()
    other = asyncio.create_task(preferences.set("other", "1"))
    await asyncio.sleep(0)  # the other one has begun, and waits for its turn
    go_on.set()
    with pytest.raises(ZeroDivisionError):
        await failing
    await other
    assert [await preferences.get(key) for key in ("failed", "other")] == [None, "1"]


async def test_nobody_reads_what_is_not_committed(database: Database, preferences: SqlitePreferences) -> None:
    async with database.transaction() as connection:
        await connection.execute(SET, ("a", "draft"))
        reader = asyncio.create_task(preferences.get("a"))
        await asyncio.sleep(0)
        await connection.execute("UPDATE preferences SET value = 'final'")
    assert await reader == "final"


async def test_a_cancelled_transaction_is_rolled_back_and_leaves_the_way_free(
    database: Database, preferences: SqlitePreferences
) -> None:
    async def hang() -> None:
        async with database.transaction() as connection:
            await connection.execute(SET, ("a", "1"))
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    hanging = asyncio.create_task(hang())
    await entered.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    await preferences.set("b", "2")
    assert [await preferences.get(key) for key in "ab"] == [None, "2"]


@pytest.mark.parametrize("steps", range(12))
async def test_a_write_cancelled_at_any_moment_leaves_the_way_free(
    preferences: SqlitePreferences, steps: int
) -> None:
    writing = asyncio.create_task(preferences.set("a", "1"))
    for _ in range(steps):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await preferences.set("b", "2")
    assert await preferences.get("b") == "2"


async def test_a_write_cancelled_while_it_begins_leaves_no_transaction_open(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = aiosqlite.Connection.execute
    cancelled: list[str] = []

    def execute(self: aiosqlite.Connection, sql: str, *parameters: object) -> object:
        if sql.startswith("BEGIN"):
            cancelled.append(sql)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        return begin(self, sql, *parameters)

    monkeypatch.setattr(aiosqlite.Connection, "execute", execute)

    async def write() -> None:
        async with database.transaction():
            pass

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(write())
    assert cancelled
    await database.fetch_all("SELECT 1")
    assert not database._connection.in_transaction


async def test_a_lock_held_by_another_connection_is_said_to_be_busy(
    path: Path, preferences: SqlitePreferences
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError) as caught:
            await preferences.set("a", "1")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


async def test_a_transaction_has_the_write_lock_before_it_reads_anything(
    path: Path, database: Database
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError):
            async with database.transaction():
                pytest.fail("it has begun without the lock")


async def test_readers_do_not_wait_for_another_connections_lock(
    path: Path, preferences: SqlitePreferences
) -> None:
    await preferences.set("a", "1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await preferences.get("a") == "1"


async def test_once_the_other_connection_is_done_writing_works_again(
    path: Path, preferences: SqlitePreferences
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError):
            await preferences.set("a", "1")
    await preferences.set("a", "2")
    assert await preferences.get("a") == "2"


async def test_a_full_disk_is_said_to_be_full(
    path: Path, database: Database, preferences: SqlitePreferences
) -> None:
    await database.fetch_all("PRAGMA max_page_count = 1")
    with pytest.raises(DiskFullError) as caught:
        await preferences.set("a", "x" * 100_000)
    assert caught.value.path == str(path)


async def test_what_was_there_before_the_disk_was_full_is_still_there(
    database: Database, preferences: SqlitePreferences
) -> None:
    await preferences.set("a", "1")
    await database.fetch_all("PRAGMA max_page_count = 1")
    with pytest.raises(DiskFullError):
        await preferences.set("a", "x" * 100_000)
    assert await preferences.get("a") == "1"


async def test_a_disk_that_takes_no_more_writes_is_said_to_be_full(path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(DiskFullError), translated(path):
        raise error


async def test_a_programming_error_stays_what_it_is(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.fetch_all("SELECT * FROM nowhere")


async def test_a_file_that_is_no_database_is_said_to_be_damaged_and_kept(path: Path) -> None:
    diary = b"not a database, but somebody's diary " * 100
    overwrite(path, 0, diary)
    with pytest.raises(DatabaseDamagedError) as caught:
        async with open_database(path):
            pass
    assert (caught.value.path, content(path)) == (str(path), diary)


async def test_a_database_with_damaged_pages_is_said_to_be_damaged(path: Path) -> None:
    async with open_database(path) as database:
        preferences = SqlitePreferences(database)
        for i in range(50):
            await preferences.set(f"{i}", "x" * 1000)
    # The first pages tell what the tables are; what they hold begins behind them.
    overwrite(path, 65_536, b"\xff" * (len(content(path)) - 65_536))
    async with open_database(path) as database:
        with pytest.raises(DatabaseDamagedError):
            await database.fetch_all("SELECT * FROM preferences")
