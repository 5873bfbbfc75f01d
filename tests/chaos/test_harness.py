"""What finds damage and what aims, tried on damage and on targets."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.wiring import DATABASE
from tests.chaos.database import BESIDE, damage_of, read_rows
from tests.chaos.deaths import Aim, Moment, Watch
from tests.loopback.script import Call


def open_wal(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path / DATABASE)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE notes (text)")
    connection.executemany("INSERT INTO notes VALUES (?)", [(f"note {n}" * 50,) for n in range(200)])
    connection.commit()
    return connection


def files(path: Path) -> dict[str, bytes]:
    return {suffix: file.read_bytes() for suffix in BESIDE if (file := path / f"{DATABASE}{suffix}").exists()}


def test_a_sound_database_is_left_as_the_killed_process_left_it(tmp_path: Path) -> None:
    with closing(open_wal(tmp_path)):
        before = files(tmp_path)
        assert before["-wal"]

        assert damage_of(tmp_path) == ""
        assert files(tmp_path) == before


def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    with closing(open_wal(tmp_path)):
        pass  # closing writes the log back
    data = bytearray((tmp_path / DATABASE).read_bytes())
    data[3 * 4096 : 4 * 4096] = b"\xff" * 4096
    (tmp_path / DATABASE).write_bytes(data)

    assert damage_of(tmp_path)


def test_no_database_yet_is_no_damage(tmp_path: Path) -> None:
    assert damage_of(tmp_path) == ""
    assert read_rows(tmp_path) == []


@pytest.mark.parametrize(
    ("moment", "sees"),
    [
        (Moment.READ, [Moment.READ, None]),
        (Moment.DONE, [None, Moment.DONE]),
        (Moment.ANSWERED, [None, Moment.ANSWERED]),
    ],
)
def test_an_aim_is_met_at_the_nth_request_to_its_route(moment: Moment, sees: list[Moment | None]) -> None:
    watch = Watch(Aim("PATCH", "/a/*", uploads=False, nth=2, moment=moment, delay=0))
    other, first, second, third = (
        Call(method, "/a/1", None, ()) for method in ("POST", "PATCH", "PATCH", "PATCH")
    )

    for call in (other, first):
        assert watch.sees(call) is None
    assert [watch.sees(second), _done(watch, second)] == sees
    assert [watch.sees(third), _done(watch, third)] == [None, None]


def _done(watch: Watch, call: Call) -> Moment | None:
    call.status = 200
    return watch.sees(call)
