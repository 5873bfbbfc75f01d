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


async def test_all_that_begin_alike_are_found_and_no_others(database: Database) -> None:
    preferences = SqlitePreferences(database)
    for key in ("rules:1", "rules:22", "rules", "rulet:1", "rules:\U0001f600"):
        await preferences.set(key, key.upper())
    found = await preferences.starting_with("rules:")
    assert found == {"rules:1": "RULES:1", "rules:22": "RULES:22", "rules:\U0001f600": "RULES:\U0001f600"}
