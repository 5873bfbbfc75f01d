import errno
import os
from pathlib import Path
from typing import IO

import pytest

from bot.core.errors import DataDirInUseError
from bot.history import lock
from bot.history.lock import lock_data_dir


def test_a_missing_data_directory_is_made(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path / "new" / "data"):
        assert (tmp_path / "new" / "data").is_dir()


def test_a_data_directory_is_locked_once(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path), pytest.raises(DataDirInUseError), lock_data_dir(tmp_path):
        pass


def test_a_released_data_directory_can_be_locked_again(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        pass
    with lock_data_dir(tmp_path):
        pass


def test_a_disk_without_locks_is_not_taken_for_another_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: IO[bytes]) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", fail)
    with pytest.raises(OSError, match="No locks"), lock_data_dir(tmp_path):
        pass
