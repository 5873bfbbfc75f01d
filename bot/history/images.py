"""Pictures in files named by their SHA-256: `ab/cdef....png` for a hash that begins with `abcdef`.

The same bytes are stored once, a file never changes, and one that exists is whole.
"""

import asyncio
import errno
import os
import re
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import Final

from bot.core.errors import DiskFullError, SourceGoneError

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_STALE_AFTER: Final = 3600.0
"""Seconds after which an unfinished file is nobody's: another process may be writing a young one."""


class FileImages:
    """`ImageStore` in a folder, which is made when it is missing.

    Opening it removes what a killed process left half written. All of Atelier's pictures are PNG, and
    the suffix lets people open them.
    """

    def __init__(self, folder: Path) -> None:
        self.keeping = asyncio.Lock()
        self._folder = folder
        # On the same disk as the files, so that a finished one can be moved there in one step.
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            # Another process may finish its file, and move it away, while we look.
            with suppress(FileNotFoundError):
                if leftover.stat().st_mtime < time.time() - _STALE_AFTER:
                    leftover.unlink()

    async def put(self, data: bytes) -> str:
        """Store bytes so that they survive a power cut; return their SHA-256 in hexadecimal.

        Raises:
            DiskFullError: nothing was stored.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, sha256: str) -> bytes:
        """The bytes stored under `sha256`.

        Raises:
            SourceGoneError: there is no such file.
            ValueError: not a SHA-256 in lowercase hexadecimal.
        """
        path = self._path(sha256)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as error:
            raise SourceGoneError("picture", sha256) from error

    async def discard(self, sha256: str) -> None:
        """Remove a file; no error when it is gone already. Raises ValueError as `get`."""
        await asyncio.to_thread(self._path(sha256).unlink, missing_ok=True)

    def _path(self, sha256: str) -> Path:
        # It becomes a path: nothing but a hash may.
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256!r}")
        return self._folder / sha256[:2] / f"{sha256[2:]}.png"

    def _put(self, data: bytes) -> str:
        sha256 = hash_of(data).hexdigest()
        path = self._path(sha256)
        # A file of another length is not what its name says (somebody cut it short): write it anew.
        if path.exists() and path.stat().st_size == len(data):
            return sha256
        try:
            path.parent.mkdir(exist_ok=True)
            self._write(path, data)
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFullError(str(self._folder)) from error
            raise
        return sha256

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._incoming)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        # The bytes are safe; now the names: of the file, and of the folder it is in.
        _sync_folder(path.parent)
        _sync_folder(self._folder)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders cannot be synced there; NTFS keeps a journal of names
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
