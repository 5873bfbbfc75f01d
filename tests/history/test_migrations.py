import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.errors import DatabaseTooNewError, DiskFullError
from bot.history import migrations
from bot.history.database import open_database
from bot.history.migrations import Migration, known_migrations, migrate

FIRST = Migration(1, "notes", "CREATE TABLE notes (text TEXT) STRICT; -- a table\n")
SECOND = Migration(
    2,
    "shout",
    """
    -- Two statements; the first holds semicolons that end nothing.
    CREATE TRIGGER shout AFTER INSERT ON notes BEGIN
        UPDATE notes SET text = text || ';';
    END;
    ALTER TABLE notes ADD COLUMN loud INTEGER
    """,
)
BROKEN = Migration(2, "broken", "ALTER TABLE notes ADD COLUMN half TEXT;\nINSERT INTO nowhere VALUES (1);\n")


def names_beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def content(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def old(path: Path) -> Path:
    """A database of the first version that holds a note."""
    migrate(path, [FIRST], 0.01)
    query(path, "INSERT INTO notes VALUES ('kept')")
    return path


def test_our_own_migrations_count_from_one_without_a_gap() -> None:
    numbers = [migration.number for migration in known_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_new_database_gets_every_migration_and_no_copy(path: Path) -> None:
    migrate(path, [FIRST, SECOND], 0.01)
    ledger = query(path, "SELECT number, name FROM migrations")
    assert (ledger, names_beside(path)) == ([(1, "notes"), (2, "shout")], [path.name])


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    migrate(path, [FIRST], 0.01)
    assert query(path, "SELECT * FROM notes") == []


def test_a_database_that_is_up_to_date_is_not_copied(old: Path) -> None:
    migrate(old, [FIRST], 0.01)
    assert not any("before" in name for name in names_beside(old))


def test_an_old_database_is_brought_up_to_date_with_its_rows(old: Path) -> None:
    migrate(old, [FIRST, SECOND], 0.01)
    query(old, "INSERT INTO notes VALUES ('new', 1)")
    assert query(old, "SELECT text, loud FROM notes") == [("kept;", None), ("new;", 1)]


def test_an_old_database_is_copied_before_it_changes(old: Path) -> None:
    migrate(old, [FIRST, SECOND], 0.01)
    copy = old.with_name("atelier.sqlite3.before-0002")
    assert query(copy, "SELECT * FROM notes") == [("kept",)]
    assert query(copy, "SELECT number FROM migrations") == [(1,)]


def test_the_copy_holds_what_is_still_in_the_log(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as open_elsewhere:
        open_elsewhere.execute("PRAGMA journal_mode = WAL")
        open_elsewhere.execute("INSERT INTO notes VALUES ('in the log')")
        migrate(old, [FIRST, SECOND], 0.01)
    copy = old.with_name("atelier.sqlite3.before-0002")
    assert query(copy, "SELECT * FROM notes") == [("kept",), ("in the log",)]


def test_a_failing_migration_leaves_the_old_version_and_its_copy(old: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(old, [FIRST, BROKEN], 0.01)
    assert query(old, "SELECT * FROM notes") == [("kept",)]
    assert query(old, "SELECT number FROM migrations") == [(1,)]
    assert names_beside(old) == [old.name, "atelier.sqlite3.before-0002"]


def test_a_migration_that_failed_is_tried_again(old: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(old, [FIRST, BROKEN], 0.01)
    migrate(old, [FIRST, SECOND], 0.01)
    assert query(old, "SELECT number FROM migrations") == [(1,), (2,)]


def test_a_copy_that_was_left_half_written_is_replaced(old: Path) -> None:
    old.with_name("atelier.sqlite3.before-0002.partial").write_bytes(b"half")
    migrate(old, [FIRST, SECOND], 0.01)
    assert names_beside(old) == [old.name, "atelier.sqlite3.before-0002"]


def test_without_room_for_the_copy_nothing_is_changed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(source: Path, target: Path) -> None:
        error = sqlite3.OperationalError(f"no room for a copy of {source} at {target}")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(migrations, "_copy", no_room)
    with pytest.raises(DiskFullError):
        migrate(old, [FIRST, SECOND], 0.01)
    assert query(old, "SELECT number FROM migrations") == [(1,)]


def test_a_migration_that_another_process_just_applied_is_not_applied_twice(path: Path) -> None:
    migrate(path, [FIRST], 0.01)
    migrations._apply(path, FIRST, 0.01)
    assert query(path, "SELECT number FROM migrations") == [(1,)]


async def test_a_newer_database_is_turned_down_and_keeps_its_every_byte(old: Path) -> None:
    migrate(old, [FIRST, SECOND], 0.01)
    before = content(old)
    with pytest.raises(DatabaseTooNewError) as caught:
        async with open_database(old, migrations=[FIRST]):
            pass
    assert (caught.value.found, caught.value.known, content(old)) == (2, 1, before)


async def test_a_newer_database_that_was_killed_keeps_its_log_too(old: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    with closing(sqlite3.connect(old, isolation_level=None)) as newer:
        newer.execute("PRAGMA journal_mode = WAL")
        newer.execute("INSERT INTO migrations (number, name) VALUES (9, 'future')")
        # What a kill leaves is what lies on the disk while the database is open.
        for name in names_beside(old):
            if (old.parent / name).is_file():
                (killed / name).write_bytes((old.parent / name).read_bytes())
    files = {file: file.read_bytes() for file in killed.iterdir() if not file.name.endswith("-shm")}
    with pytest.raises(DatabaseTooNewError) as caught:
        async with open_database(killed / old.name, migrations=[FIRST]):
            pass
    assert caught.value.found == 9
    assert {file: file.read_bytes() for file in files} == files


def test_a_database_that_was_killed_in_its_first_migration_is_opened(old: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed" / old.name
    killed.parent.mkdir()
    with closing(sqlite3.connect(old, isolation_level=None)) as writer:
        # A tiny cache spills pages of an open transaction into the file, with a journal to undo them.
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("INSERT INTO notes VALUES (?)", [("lost" * 500,)] * 50)
        for suffix in ("", "-journal"):
            Path(f"{killed}{suffix}").write_bytes(Path(f"{old}{suffix}").read_bytes())
    migrate(killed, [FIRST], 0.01)
    assert query(killed, "SELECT * FROM notes") == [("kept",)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no question marks in file names")
async def test_a_path_with_signs_that_mean_something_in_an_address_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1" / "atelier.sqlite3"
    async with open_database(path):
        pass
    async with open_database(path):
        assert path.exists()
