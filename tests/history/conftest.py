from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.history.database import Database, open_database
from bot.history.generations import SqliteHistory
from bot.history.jobs import SqliteJobs
from tests.history.examples import Stores


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's database is."""
    return tmp_path / "atelier.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    # Nothing else uses it but what a test opens itself, so there is never a reason to wait.
    async with open_database(path, busy_timeout=0.01) as database:
        yield database


@pytest.fixture
def jobs(database: Database) -> SqliteJobs:
    return SqliteJobs(database)


@pytest.fixture
def history(database: Database) -> SqliteHistory:
    return SqliteHistory(database)


@pytest.fixture
def stores(jobs: SqliteJobs, history: SqliteHistory) -> Stores:
    return Stores(jobs, history)
