"""What stays when a process is killed in the middle of its work."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.core.errors import DataDirInUseError
from bot.core.ids import GenerationId
from bot.core.jobs import JobStatus
from bot.history.database import open_database
from bot.history.generations import SqliteHistory
from bot.history.jobs import SqliteJobs
from bot.history.lock import lock_data_dir

PROJECT = Path(__file__).parents[2]


@contextmanager
def process(module: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this folder; killed (SIGKILL where there is such a thing) at the latest at the end."""
    command = [sys.executable, "-m", f"tests.history.{module}", str(path)]
    with subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def a_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


@pytest.mark.parametrize("count", [1, 20])
async def test_every_picture_that_was_committed_before_a_kill_is_still_there(path: Path, count: int) -> None:
    with process("writer", path) as running:
        told = [a_line(running) for _ in range(count)]
        running.kill()
        assert running.stdout is not None
        # Only a line that ends was told in full.
        told += [line.strip() for line in running.stdout if line.endswith("\n")]
    async with open_database(path) as database:
        history, jobs = SqliteHistory(database), SqliteJobs(database)
        kept = [await history.get(GenerationId(generation_id)) for generation_id in told]
        assert {(await jobs.get(generation.job_id)).status for generation in kept} == {JobStatus.DELIVERING}
        verdict = await database.fetch_one("PRAGMA integrity_check")
        assert verdict is not None
        assert tuple(verdict) == ("ok",)


def test_a_data_directory_is_locked_against_another_process(tmp_path: Path) -> None:
    with process("holder", tmp_path) as running:
        assert a_line(running) == "locked"
        with pytest.raises(DataDirInUseError) as caught, lock_data_dir(tmp_path):
            pass
    assert caught.value.path == str(tmp_path)


def test_a_killed_process_gives_its_data_directory_back(tmp_path: Path) -> None:
    with process("holder", tmp_path) as running:
        assert a_line(running) == "locked"
    with lock_data_dir(tmp_path):
        assert (tmp_path / "atelier.lock").exists()
