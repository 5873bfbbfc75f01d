"""Only one bot at a time works on a data directory."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from bot.core.errors import DataDirInUseError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


LOCK: Final = "atelier.lock"
_TAKEN: Final = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
"""How POSIX and Windows say that somebody else holds a lock."""


@contextmanager
def lock_data_dir(path: Path) -> Iterator[None]:
    """Hold the data directory `path` (made when missing) for this process, against all others.

    The lock is the operating system's: it ends with the process, however that ends. The file itself,
    `atelier.lock`, stays; removing it would let two processes lock two files of one name. It holds the id of
    the process.

    Raises:
        DataDirInUseError: another process holds it.
    """
    path.mkdir(parents=True, exist_ok=True)
    with (path / LOCK).open("ab") as file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise DataDirInUseError(str(path)) from error
            raise
        file.truncate(0)
        file.write(b"%d\n" % os.getpid())
        file.flush()
        yield


def holder_of(path: Path) -> int | None:
    """The id of the process that holds the data directory `path`; None when none does."""
    try:
        with lock_data_dir(path):
            return None
    except DataDirInUseError:
        text = (path / LOCK).read_text("ascii").strip()
        return int(text) if text else None
