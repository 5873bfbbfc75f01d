"""The loopback Discord behaves as Discord does where the bot depends on it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest

from cogs.ui.pictures import pictures_in
from tests.loopback.interactions import ANSWER_WITHIN, COMMAND, TOKEN_LIFE, Pressed
from tests.loopback.rest import Rest, rest_of
from tests.loopback.server import TOKEN, LoopbackDiscord
from tests.loopback.shapes import CHANNEL_ID, COMPONENTS_V2, EPHEMERAL, LOADING, slash
from tests.loopback.stage import Stage
from tests.loopback.turned import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def rest(discord: LoopbackDiscord) -> AsyncIterator[Rest]:
    async with rest_of(discord) as rest:
        yield rest


async def press(discord: LoopbackDiscord) -> Pressed:
    """A command that no bot has answered yet."""
    return await discord.press(COMMAND, slash(1, "imagine", {}), discord.people.user(42, "bea"))


async def thinking(discord: LoopbackDiscord, rest: Rest) -> Pressed:
    """A command that was answered with "thinking"."""
    pressed = await press(discord)
    assert (await rest.acknowledge(pressed.id, pressed.token))[0] == 200
    return pressed


async def test_what_a_gallery_shows_is_no_attachment_when_read_back_and_is_found_all_the_same(
    stage: Stage,
) -> None:
    pressed = await stage.imagine()

    channel = stage.bot.get_partial_messageable(CHANNEL_ID)
    [read_back] = [message async for message in channel.history()]

    assert read_back.id == pressed.original
    assert read_back.attachments == []
    [generation] = await stage.history()
    assert [link.name for link in pictures_in(read_back)] == [f"{generation.id}.png"]


async def test_a_component_that_shows_a_file_that_was_not_sent_is_refused(stage: Stage) -> None:
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://nowhere.png"}}]}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=CHANNEL_ID)

    with pytest.raises(discord.HTTPException) as caught:
        await stage.bot.http.request(route, json={"flags": COMPONENTS_V2, "components": [gallery]})

    assert (caught.value.status, caught.value.code) == (400, 50035)


async def test_a_private_answer_is_not_in_the_channels_history(stage: Stage) -> None:
    pressed = await stage.imagine(private=True)

    channel = stage.bot.get_partial_messageable(CHANNEL_ID)

    assert [message async for message in channel.history()] == []
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(pressed.original or 0)


async def test_an_interaction_is_answered_once_only(stage: Stage) -> None:
    pressed = await stage.imagine()
    path = "/interactions/{id}/{webhook_token}/callback"
    route = discord.http.Route("POST", path, id=pressed.id, webhook_token=pressed.token)

    with pytest.raises(discord.HTTPException) as caught:
        await stage.bot.http.request(route, json={"type": 5})

    assert caught.value.code == 40060


async def test_a_gateway_connection_that_breaks_is_resumed_and_nothing_is_missed(stage: Stage) -> None:
    await stage.discord.gateway.close()

    pressed = await stage.imagine()

    assert len(stage.discord.gateway.resumed) == 1
    assert len(stage.discord.gateway.identified) == 1
    assert stage.card(pressed)["components"]


async def test_a_bot_that_was_killed_is_gone_and_the_next_one_starts_anew(discord: LoopbackDiscord) -> None:
    async with aiohttp.ClientSession() as session:
        for start in (1, 2):
            async with session.ws_connect(discord.gateway.url) as socket:
                await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 0, "shard": [0, 1]}})
                received = [(await socket.receive_json())["t"] for _ in range(3)]
                assert received == [None, "READY", "GUILD_CREATE"]
                assert len(discord.gateway.identified) == start
                assert discord.gateway.ready.is_set()

                assert socket._conn is not None
                assert socket._conn.transport is not None
                socket._conn.transport.abort()
                async with asyncio.timeout(5):
                    while discord.gateway.ready.is_set():
                        await press(discord)  # is lost
                        await asyncio.sleep(0.01)


async def test_an_interaction_must_be_acknowledged_within_three_seconds(
    discord: LoopbackDiscord, rest: Rest, clock: TurnedClock
) -> None:
    in_time, late = await press(discord), await press(discord)
    clock.now += ANSWER_WITHIN - 0.1
    assert (await rest.acknowledge(in_time.id, in_time.token))[0] == 200

    clock.now += 0.2
    assert await rest.acknowledge(late.id, late.token) == (404, 10062)
    assert await rest.acknowledge(late.id, "token-of-nobody") == (404, 10062)
    assert [pressed.acknowledged for pressed in (in_time, late)] == [True, False]


async def test_what_was_not_acknowledged_has_no_webhook(discord: LoopbackDiscord, rest: Rest) -> None:
    pressed = await press(discord)

    assert await rest("POST", rest.webhook(pressed.token), {"content": "a"}) == (404, 10015)
    assert await rest("GET", rest.webhook(pressed.token, "@original")) == (404, 10015)


async def test_a_token_is_over_after_fifteen_minutes(
    discord: LoopbackDiscord, rest: Rest, clock: TurnedClock
) -> None:
    pressed = await thinking(discord, rest)
    original = rest.webhook(pressed.token, "@original")
    clock.now += TOKEN_LIFE - 1
    assert (await rest("PATCH", original, {"content": "in time"}))[0] == 200

    clock.now += 2
    assert await rest("PATCH", original, {"content": "late"}) == (401, 50027)
    assert await rest("DELETE", original) == (401, 50027)
    assert await rest("POST", rest.webhook(pressed.token), {"content": "late"}) == (401, 50027)
    assert discord.messages.get(pressed.original or 0)["content"] == "in time"


async def test_the_answers_to_an_interaction_are_reached_by_their_ids(
    discord: LoopbackDiscord, rest: Rest
) -> None:
    pressed, other = await thinking(discord, rest), await thinking(discord, rest)
    original = rest.webhook(pressed.token, pressed.original)
    await rest("PATCH", original, {"content": "first"})
    _, followup = await rest("POST", rest.webhook(pressed.token), {"content": "second", "flags": EPHEMERAL})

    assert (await rest("GET", original))[1]["content"] == "first"
    path = rest.webhook(pressed.token, int(followup["id"]))
    assert (await rest("PATCH", path, {"content": "third"}))[1]["content"] == "third"
    assert await rest("DELETE", path) == (204, None)
    assert await rest("GET", path) == (404, 10008)
    assert await rest("GET", rest.webhook(other.token, pressed.original)) == (404, 10008)


async def test_a_further_answer_takes_the_place_of_thinking_and_is_as_public(
    discord: LoopbackDiscord, rest: Rest
) -> None:
    pressed = await thinking(discord, rest)
    assert discord.messages.get(pressed.original or 0)["flags"] & LOADING

    _, answer = await rest("POST", rest.webhook(pressed.token), {"content": "a", "flags": EPHEMERAL})

    assert int(answer["id"]) == pressed.original
    assert not answer["flags"] & (LOADING | EPHEMERAL)
    assert pressed.followups == []
