"""The loopback Discord behaves as Discord does where the bot depends on it."""

import discord
import pytest

from cogs.ui.pictures import pictures_in
from tests.loopback.shapes import CHANNEL_ID, COMPONENTS_V2
from tests.loopback.stage import Stage


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
