"""SQLite's faults in our words. Nothing outside of this room sees a `sqlite3.Error` that has a name."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.core.errors import (
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseUnusableError,
    DiskFullError,
    StorageError,
)

# Result codes: https://www.sqlite.org/rescode.html
_FAULTS: Final[dict[int, Callable[[str], StorageError]]] = {
    sqlite3.SQLITE_BUSY: lambda _: DatabaseBusyError(),
    sqlite3.SQLITE_LOCKED: lambda _: DatabaseBusyError(),
    sqlite3.SQLITE_FULL: DiskFullError,
    # With a full disk or an exceeded quota, SQLite's shared memory and log fail like this.
    sqlite3.SQLITE_IOERR: DiskFullError,
    sqlite3.SQLITE_CORRUPT: DatabaseDamagedError,
    sqlite3.SQLITE_NOTADB: DatabaseDamagedError,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnusableError,
    sqlite3.SQLITE_READONLY: DatabaseUnusableError,
    sqlite3.SQLITE_PERM: DatabaseUnusableError,
}
_PRIMARY_CODE: Final = 0xFF  # an extended code keeps its primary code in the lowest byte


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate what SQLite raises inside, on the database at `path`; programming errors pass as they are.

    Raises:
        DatabaseBusyError: another connection holds the lock for longer than we wait.
        DiskFullError: the disk is full, or does not take our writes.
        DatabaseDamagedError: not a database, or a damaged one.
        DatabaseUnusableError: it cannot be opened or written to.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Errors that Python's own wrapper raises (a wrong number of parameters ...) have no code.
        fault = _FAULTS.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE)
        if fault is None:
            raise
        raise fault(str(path)) from error
