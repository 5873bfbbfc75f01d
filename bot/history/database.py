"""The one connection to the database, and the one way to write to it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiosqlite

from bot.history.faults import translated
from bot.history.migrations import Migration, known_migrations, migrate

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process's lock."""

Parameters = Sequence[object] | Mapping[str, object]


class Database:
    """One connection, used by one task at a time. Every method raises what `faults.translated` names."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """A transaction: committed at the end, rolled back when anything is raised or it is cancelled.

        Cancelled while the commit itself runs, it is committed all the same.

        Raises:
            RuntimeError: this task is in a transaction already.
        """
        async with self._turn():
            try:
                # IMMEDIATE takes the write lock now: a transaction that begins by reading could
                # find it taken when it comes to write, and waiting would not help any more.
                await self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                await self._connection.commit()
            except BaseException:
                # aiosqlite's thread runs everything in the order in which it was asked for, also what
                # a cancelled task no longer waits for: so the rollback comes after that, and before
                # anything of the next task. With no transaction open it does nothing.
                await self._connection.rollback()
                raise

    async def fetch_all(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a query outside of any transaction.

        Raises:
            RuntimeError: this task is in a transaction: query on its connection instead.
        """
        async with self._turn():
            return list(await self._connection.execute_fetchall(sql, parameters))

    async def fetch_one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query, or None; otherwise as `fetch_all`."""
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold the connection. Two tasks on one connection share one transaction: hence the lock, for
        readers too, who would else see rows that may yet be rolled back."""
        task = asyncio.current_task()
        if self._owner is task:
            raise RuntimeError("this task is in a transaction already: use the connection it was given")
        async with self._lock:
            self._owner = task
            try:
                with translated(self._path):
                    yield
            finally:
                self._owner = None


@asynccontextmanager
async def open_database(
    path: Path, *, busy_timeout: float = BUSY_TIMEOUT, migrations: Sequence[Migration] | None = None
) -> AsyncIterator[Database]:
    """Open the database at `path` and bring it up to date; a missing one is made, with its folder.

    Closing it writes the log back into the file, when no other process has it open.

    Args:
        busy_timeout: seconds to wait for another process's lock.
        migrations: those of `schema/` when None.

    Raises:
        DatabaseTooNewError: a newer version wrote it. The file is left untouched.
        DatabaseBusyError, DiskFullError, DatabaseDamagedError: see `faults.translated`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    known = known_migrations() if migrations is None else migrations
    await asyncio.to_thread(migrate, path, known, busy_timeout)
    with translated(path):
        # isolation_level=None: transactions begin where we say so, not where the driver guesses.
        connection = await aiosqlite.connect(path, timeout=busy_timeout, isolation_level=None)
    try:
        with translated(path):
            await _configure(connection)
        yield Database(connection, path)
    finally:
        with translated(path):
            await connection.close()


async def _configure(connection: aiosqlite.Connection) -> None:
    connection.row_factory = sqlite3.Row
    # In WAL mode readers and a writer do not wait for each other: commands work beside a running bot.
    await connection.execute_fetchall("PRAGMA journal_mode = WAL")
    # The user is told that a picture is kept once its row is committed. NORMAL, the usual choice with
    # WAL, may lose the last commits when the power goes; FULL syncs the log at every commit.
    await connection.execute_fetchall("PRAGMA synchronous = FULL")
    # Off by default in SQLite; switched on after migrating, which may have to rebuild tables.
    await connection.execute_fetchall("PRAGMA foreign_keys = ON")
    # SQLite's own LIKE and lower() know the case of ASCII letters only.
    await connection.create_function("casefold", 1, str.casefold, deterministic=True)
