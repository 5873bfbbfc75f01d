"""Where messages are: history, nonces, direct messages, and channels that are gone or forbidden."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.loopback.answers import (
    ACCEPTED_THEN_DROPPED,
    CHANNEL_UNKNOWN,
    DIRECT_MESSAGES_CLOSED,
    DROPPED,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    Answer,
)
from tests.loopback.ids import made_at, snowflake_at
from tests.loopback.nonces import NONCE_LIFE
from tests.loopback.rest import Rest, rest_of
from tests.loopback.server import CHANNEL_MESSAGES, LoopbackDiscord
from tests.loopback.shapes import CHANNEL_ID, USER_ID
from tests.loopback.stage import Stage, pictures_of, settled
from tests.loopback.turned import TurnedClock

MESSAGES = f"/channels/{CHANNEL_ID}/messages"
BEA = 42


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def rest(discord: LoopbackDiscord) -> AsyncIterator[Rest]:
    async with rest_of(discord) as rest:
        yield rest


async def post(rest: Rest, content: str, channel_id: int = CHANNEL_ID, **fields: object) -> int:
    """The new message's id."""
    _, message = await rest("POST", f"/channels/{channel_id}/messages", {"content": content, **fields})
    return int(message["id"])


async def read(rest: Rest, query: str = "", channel_id: int = CHANNEL_ID) -> list[str]:
    """What a channel's history says."""
    _, page = await rest("GET", f"/channels/{channel_id}/messages{query}")
    return [message["content"] for message in page]


async def test_ids_grow_with_time_and_say_when_they_were_made(rest: Rest, clock: TurnedClock) -> None:
    first = await post(rest, "a")
    second = await post(rest, "b")
    clock.now += 60
    third = await post(rest, "c")

    assert first < second < third
    assert made_at(third) == pytest.approx(clock.now, abs=0.001)


async def test_history_is_read_from_a_time_on(rest: Rest, clock: TurnedClock) -> None:
    await post(rest, "before")
    clock.now += 1
    since = snowflake_at(clock.now)
    await post(rest, "after")

    assert await read(rest, f"?after={since}") == ["after"]
    assert await read(rest, f"?before={since}") == ["before"]


async def test_history_comes_in_pages_newest_first(rest: Rest) -> None:
    ids = [await post(rest, name) for name in "abcde"]

    assert await read(rest, "?limit=2") == ["e", "d"]
    assert await read(rest, f"?limit=2&before={ids[3]}") == ["c", "b"]
    assert await read(rest, f"?limit=2&after={ids[0]}") == ["c", "b"]
    assert await rest("GET", f"{MESSAGES}?limit=101") == (400, 50035)


async def test_each_channel_has_its_own_history(discord: LoopbackDiscord, rest: Rest) -> None:
    garden = await discord.add_channel("garden")
    in_studio = await post(rest, "studio")
    await post(rest, "garden", garden)

    assert await read(rest) == ["studio"]
    assert await read(rest, channel_id=garden) == ["garden"]
    assert await rest("GET", f"/channels/{garden}/messages/{in_studio}") == (404, 10008)


async def test_a_nonce_makes_one_message_however_often_it_is_sent(rest: Rest) -> None:
    ids = {await post(rest, "once", nonce="n-1", enforce_nonce=True) for _ in range(2)}
    other = await post(rest, "another", nonce="n-2", enforce_nonce=True)

    assert len(ids) == 1
    assert other not in ids
    assert await read(rest) == ["another", "once"]


async def test_a_nonce_that_is_not_enforced_or_was_deleted_makes_another_message(
    discord: LoopbackDiscord, rest: Rest
) -> None:
    first = await post(rest, "a", nonce="n-1", enforce_nonce=True)
    second = await post(rest, "b", nonce="n-1")
    await discord.delete_message(second)
    third = await post(rest, "c", nonce="n-1", enforce_nonce=True)

    assert len({first, second, third}) == 3


async def test_a_nonce_is_forgotten_after_two_minutes(rest: Rest, clock: TurnedClock) -> None:
    first = await post(rest, "once", nonce="n-1", enforce_nonce=True)
    clock.now += NONCE_LIFE - 1
    assert await post(rest, "once", nonce="n-1", enforce_nonce=True) == first

    clock.now += 1
    assert await post(rest, "once", nonce="n-1", enforce_nonce=True) != first


async def test_a_nonce_of_more_than_25_characters_is_refused(rest: Rest) -> None:
    assert await rest("POST", MESSAGES, {"content": "a", "nonce": "n" * 26}) == (400, 50035)


@pytest.mark.parametrize(("fault", "kept"), [(DROPPED, []), (ACCEPTED_THEN_DROPPED, ["a"])])
async def test_a_dropped_connection_says_nothing_of_what_was_done(
    discord: LoopbackDiscord, rest: Rest, fault: Answer, kept: list[str]
) -> None:
    discord.answer("POST", CHANNEL_MESSAGES, [fault])

    with pytest.raises(aiohttp.ClientError):
        await post(rest, "a")

    assert [call.status for call in discord.calls] == [0]
    assert await read(rest) == kept


async def test_direct_messages_are_one_channel_for_each_user(discord: LoopbackDiscord, rest: Rest) -> None:
    assert discord.channels.direct_with(BEA) is None
    opened = [await rest("POST", "/users/@me/channels", {"recipient_id": str(BEA)}) for _ in range(2)]
    channel_id = int(opened[0][1]["id"])
    await post(rest, "for you", channel_id)

    assert opened[0] == opened[1]
    assert opened[0][1]["recipients"][0]["id"] == str(BEA)
    assert discord.channels.direct_with(BEA) == channel_id
    assert discord.channels.direct_with(USER_ID) is None
    assert [message["content"] for message in discord.messages.newest_first(channel_id)] == ["for you"]


async def test_a_channel_that_was_deleted_is_unknown_and_its_messages_are_gone(
    stage: Stage, rest: Rest
) -> None:
    garden = await stage.discord.add_channel("garden")
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple", channel_id=garden)
    await settled()

    await stage.discord.delete_channel(garden)

    path = f"/channels/{garden}"
    unknown = (404, CHANNEL_UNKNOWN.body["code"])  # type: ignore[index] # a refusal's body is an object
    assert await rest("POST", f"{path}/messages", {"content": "a"}) == unknown
    assert await rest("GET", f"{path}/messages") == unknown
    assert await rest("PATCH", f"{path}/messages/{pressed.original}", {"content": "a"}) == unknown
    assert await rest("PATCH", rest.webhook(pressed.token, "@original"), {"content": "a"}) == (404, 10008)
    assert await rest("POST", rest.webhook(pressed.token), {"content": "a"}) == unknown
    assert await rest("GET", path) == unknown
    await stage.imagine()  # and has heard of the channel's end before
    assert stage.bot.get_channel(garden) is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [(MISSING_ACCESS, 50001), (MISSING_PERMISSIONS, 50013), (DIRECT_MESSAGES_CLOSED, 50007)],
)
async def test_a_forbidden_channel_refuses_the_bot_until_it_is_allowed(
    discord: LoopbackDiscord, rest: Rest, answer: Answer, code: int
) -> None:
    message_id = await post(rest, "a")
    discord.channels.forbid(CHANNEL_ID, answer)

    assert await rest("POST", MESSAGES, {"content": "b"}) == (403, code)
    assert await rest("GET", MESSAGES) == (403, code)
    assert await rest("PATCH", f"{MESSAGES}/{message_id}", {"content": "b"}) == (403, code)

    discord.channels.allow(CHANNEL_ID)
    assert await read(rest) == ["a"]


async def test_somebody_else_is_answered_in_another_channel_and_in_direct_messages(
    stage: Stage, rest: Rest
) -> None:
    garden = await stage.discord.add_channel("garden")
    _, channel = await rest("POST", "/users/@me/channels", {"recipient_id": str(BEA)})
    direct = int(channel["id"])

    bea: Any = {"user_id": BEA, "user_name": "bea"}
    public = await stage.imagine("a red apple", channel_id=garden, **bea)
    alone = await stage.imagine("a red apple", channel_id=direct, **bea)
    await stage.discord.send_message(
        f"<@{stage.bot.application_id}> imagine a pear", channel_id=direct, **bea
    )
    await stage.discord.until(lambda: bool(stage.discord.calls_to("POST", f"/channels/{direct}/messages")))
    await settled()

    assert [pressed.channel_id for pressed in (public, alone)] == [garden, direct]
    assert all(len(pictures_of(stage.card(pressed))) == 1 for pressed in (public, alone))
    assert len(pictures_of(stage.discord.messages.newest_first(direct)[0])) == 1
    assert len((await stage.services.gallery.page(BEA)).generations) == 3
    assert await stage.history() == ()
