from bot.history.database import Database
from bot.history.preferences import SqlitePreferences


async def test_a_preference_that_was_never_set_is_none(database: Database) -> None:
    assert await SqlitePreferences(database).get("commands") is None


async def test_a_preference_keeps_its_last_value(database: Database) -> None:
    preferences = SqlitePreferences(database)
    await preferences.set("commands", "old")
    await preferences.set("commands", "new")
    assert await preferences.get("commands") == "new"


async def test_preferences_do_not_mix(database: Database) -> None:
    preferences = SqlitePreferences(database)
    await preferences.set("commands", "1")
    await preferences.set("notice", "2")
    assert await preferences.get("commands") == "1"
