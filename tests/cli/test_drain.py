"""`atelier drain`: a bot in a process of its own, and none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.core.errors import ProcessAccessError
from bot.draining import drain
from bot.history.lock import holder_of, lock_data_dir
from bot.settings import Settings

HOLDER = """
import signal, sys
from pathlib import Path
from bot.history.lock import lock_data_dir
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
with lock_data_dir(Path(sys.argv[1])):
    print("locked", flush=True)
    signal.sigwait([signal.SIGTERM])
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", grace_seconds=1.0)


@pytest.fixture
def holder(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the data directory until SIGTERM."""
    arguments = [sys.executable, "-c", HOLDER, str(settings.data_dir)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


async def test_a_running_bot_is_told_to_stop_and_waited_for(
    settings: Settings, holder: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await drain(settings)

    assert holder.wait(5) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"Told the bot (process {holder.pid}) to stop; what runs has 1 s to end."
    assert last == "Stopped. What waits goes on at the next start."


async def test_where_no_bot_runs_there_is_nothing_to_drain(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await drain(settings)
    assert capsys.readouterr().out == "No bot is running here.\n"


@pytest.mark.usefixtures("holder")
async def test_a_bot_that_does_not_stop_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.draining.os", SimpleNamespace(kill=lambda *_: None))
    monkeypatch.setattr("bot.draining.MARGIN", -0.9)

    assert not await drain(settings)
    assert capsys.readouterr().err == "It has not stopped yet; its log says why.\n"


async def test_another_users_bot_cannot_be_told(
    settings: Settings, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, number: int) -> None:
        assert (pid, number) == (holder.pid, signal.SIGTERM)
        raise PermissionError

    monkeypatch.setattr("bot.draining.os", SimpleNamespace(kill=refuse))

    with pytest.raises(ProcessAccessError) as caught:
        await drain(settings)
    assert caught.value.pid == holder.pid


@pytest.mark.usefixtures("holder")
async def test_a_bot_that_has_just_ended_is_as_good_as_drained(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr("bot.draining.os", SimpleNamespace(kill=gone))

    assert await drain(settings)


def test_the_holder_of_a_data_directory_is_known_while_it_holds_it(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
    assert holder_of(tmp_path) is None
