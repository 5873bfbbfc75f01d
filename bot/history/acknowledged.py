"""Interactions that were acknowledged and not answered yet, in SQLite."""

from collections.abc import Sequence

from bot.core.ports import Acknowledged
from bot.history.batch import Batch
from bot.history.database import Database


class SqliteAcknowledged:
    """`AcknowledgedStore` on a database. Every method may raise what `faults.translated` names."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added = Batch(self._insert)
        self._removed = Batch(self._delete)

    async def add(self, acknowledged: Acknowledged) -> None:
        """Remember that an answer was promised."""
        await self._added.add(acknowledged)

    async def remove(self, token: str) -> None:
        """It was answered; no error when it is not there."""
        await self._removed.add(token)

    async def all(self) -> list[Acknowledged]:
        """What is not answered yet, oldest first."""
        rows = await self._database.fetch_all("SELECT * FROM acknowledged ORDER BY created_at")
        return [Acknowledged(row["token"], bool(row["private"]), row["created_at"]) for row in rows]

    async def _insert(self, rows: Sequence[Acknowledged]) -> None:
        values = [(row.token, row.private, row.created_at) for row in rows]
        async with self._database.transaction() as connection:
            await connection.executemany("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?)", values)

    async def _delete(self, tokens: Sequence[str]) -> None:
        async with self._database.transaction() as connection:
            await connection.executemany(
                "DELETE FROM acknowledged WHERE token = ?", [(token,) for token in tokens]
            )
