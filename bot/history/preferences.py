"""Small named values in SQLite."""

from bot.history.database import Database

_SET = """
INSERT INTO preferences (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""


class SqlitePreferences:
    """`Preferences` on a database. Every method may raise what `faults.translated` names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """The value last set under `key`, or None."""
        row = await self._database.fetch_one("SELECT value FROM preferences WHERE key = ?", (key,))
        return None if row is None else str(row["value"])

    async def starting_with(self, prefix: str) -> dict[str, str]:
        """All whose keys begin with `prefix`, in the order of their keys."""
        # A range, so that the primary key finds them; no key has a character beyond the last one there is.
        sql = "SELECT key, value FROM preferences WHERE key >= ? AND key < ? ORDER BY key"
        rows = await self._database.fetch_all(sql, (prefix, f"{prefix}\U0010ffff"))
        return {row["key"]: row["value"] for row in rows}

    async def set(self, key: str, value: str) -> None:
        """Set `key` to `value`, in place of what it was."""
        async with self._database.transaction() as connection:
            await connection.execute(_SET, (key, value))
