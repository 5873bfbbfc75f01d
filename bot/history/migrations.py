"""Bring a database up to date: numbered SQL files, and a ledger of them in the database itself."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from bot.core.errors import DatabaseTooNewError
from bot.history.faults import translated

_FILE_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT (datetime('now'))
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; numbers count from 1 in the order in which they are applied."""

    number: int
    name: str
    sql: str


def known_migrations() -> tuple[Migration, ...]:
    """The migrations in `schema/`, in order."""
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in resources.files("bot.history.schema").iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    return tuple(sorted(found, key=lambda migration: migration.number))


def migrate(path: Path, migrations: Sequence[Migration], busy_timeout: float) -> None:
    """Apply what the database at `path` lacks, one transaction each; blocks. A missing file is made.

    A database that already holds tables is copied first, to `NAME.before-0002` for number 2. When a
    migration fails, what came before it stays, and so does the copy.

    Raises:
        DatabaseTooNewError: the ledger has a number that we do not know. The file is left untouched.
        DatabaseBusyError, DiskFullError, DatabaseDamagedError: see `faults.translated`.
    """
    with translated(path):
        applied, is_new = _survey(path, busy_timeout)
        known = {migration.number for migration in migrations}
        if unknown := applied - known:
            raise DatabaseTooNewError(max(unknown), max(known, default=0))
        pending = [migration for migration in migrations if migration.number not in applied]
        if pending and not is_new:
            _copy(path, path.with_name(f"{path.name}.before-{pending[0].number:04}"))
        for migration in pending:
            _apply(path, migration, busy_timeout)


def _survey(path: Path, busy_timeout: float) -> tuple[set[int], bool]:
    """The numbers in the ledger, and whether the database has no table at all."""
    if not path.exists():
        return set(), True
    # Read-only, so that a database we turn down keeps its every byte: even a plain close may write
    # the log back. Only the rollback journal of a crash has to be played back before one can read.
    mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=busy_timeout)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if "migrations" not in tables:
            return set(), not tables
        return {number for (number,) in connection.execute("SELECT number FROM migrations")}, False


def _copy(path: Path, target: Path) -> None:
    """Copy a database with what is still in its log. The target appears whole or not at all."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _apply(path: Path, migration: Migration, busy_timeout: float) -> None:
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)
    # `with connection` commits, or rolls back when anything fails.
    with closing(connection), connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_LEDGER)
        # Another process may have been quicker while we waited for the lock.
        if connection.execute("SELECT 1 FROM migrations WHERE number = ?", (migration.number,)).fetchone():
            return
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations (number, name) VALUES (?, ?)", (migration.number, migration.name)
        )


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, each on lines of its own; `executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    # A last statement may lack its semicolon; a comment alone does nothing.
    yield statement
