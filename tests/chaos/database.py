"""The bot's database, looked at from outside without getting in its way."""

import shutil
import sqlite3
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.wiring import DATABASE
from tests.chaos.counting import Row

BESIDE: Final = ("", "-wal", "-journal")
"""What belongs to a database after its process was killed; the `-shm` is made anew from these."""


def damage_of(data_dir: Path) -> str:
    """What SQLite finds wrong in the database of a process that has ended; "" for nothing.

    A copy is looked at: opening the database itself would recover its log, which is the bot's to do.
    """
    if not (data_dir / DATABASE).exists():
        return ""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in BESIDE:
            if (data_dir / f"{DATABASE}{suffix}").exists():
                shutil.copy(data_dir / f"{DATABASE}{suffix}", folder)
        try:
            with closing(sqlite3.connect(Path(folder) / DATABASE)) as connection:
                found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
                orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return str(error)
    return "; ".join([*(line for line in found if line != "ok"), *(f"orphan {row}" for row in orphans)])


def read_rows(data_dir: Path) -> list[Row]:
    """All jobs, oldest first, also beside a running bot; none as long as there is no table."""
    try:
        with closing(
            sqlite3.connect(f"file:{data_dir / DATABASE}?mode=ro", uri=True, timeout=10)
        ) as connection:
            connection.row_factory = sqlite3.Row
            jobs = connection.execute("SELECT * FROM jobs ORDER BY created_at").fetchall()
            pictures: dict[str, set[str]] = defaultdict(set)
            for picture in connection.execute("SELECT id, job_id FROM generations"):
                pictures[picture["job_id"]].add(picture["id"])
    except sqlite3.OperationalError:
        return []
    return [
        Row(
            id=job["id"],
            user_id=job["user_id"],
            status=job["status"],
            token=job["interaction_token"],
            private=bool(job["private"]),
            pictures=frozenset(pictures[job["id"]]),
            all={key: job[key] for key in job.keys() if key != "recipes"},  # noqa: SIM118 - rows are no dicts
        )
        for job in jobs
    ]
