"""Where a remix starts: links, the latest picture, and the place to jump to."""

from typing import Any

import discord
import pytest

from bot.core.errors import NoSourceError
from bot.core.jobs import Origin
from cogs.ui.sources import LOOK_BACK, Asker, Sources, jump_url_of
from tests.core.examples import a_generation
from tests.discord.sourcing import BLUE, NO_PICTURE, RED, colour_taken, link_to, post, remix
from tests.discord.world import World, card, png, sentence, text_of


@pytest.mark.parametrize(
    "shape",
    [
        "https://discord.com/channels/{}/{}/{}",
        "https://ptb.discord.com/channels/{}/{}/{}",
        "https://canary.discord.com/channels/{}/{}/{}",
        "https://discordapp.com/channels/{}/{}/{}",
        "<https://discord.com/channels/{}/{}/{}>",
        "  https://discord.com/channels/{}/{}/{}/ ",
    ],
)
async def test_a_link_is_read_however_discord_copies_it(world: World, shape: str) -> None:
    message = post(world, world.channel.id, world.grace.id)

    await remix(world, shape.format(world.guild.id, world.channel.id, message))

    assert colour_taken(world) == BLUE


@pytest.mark.parametrize(
    "shape",
    [
        "http://discord.com/channels/{}/{}/{}",
        "https://discord.com.example.org/channels/{}/{}/{}",
        "https://evildiscord.com/channels/{}/{}/{}",
        "https://discord.com/channels/{}/{}/{}/4",
        "see https://discord.com/channels/{}/{}/{}",
        "https://discord.com/channels/{}/{}",
    ],
)
async def test_what_only_looks_like_a_link_names_no_picture(world: World, shape: str) -> None:
    message = post(world, world.channel.id, world.grace.id)

    result = await remix(world, shape.format(world.guild.id, world.channel.id, message))

    assert "names no picture" in sentence(result)


async def test_a_link_keeps_its_message_as_the_place_to_jump_to(world: World) -> None:
    message = post(world, world.channel.id, world.grace.id)
    link = link_to(world.guild.id, world.channel.id, message)

    result = await remix(world, link)

    assert f"[this picture]({link})" in text_of(card(result))


async def test_a_link_to_a_card_starts_from_its_picture_in_history(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="a red apple")

    result = await world.ada.slash(world.channel, "remix", source=card(made).message.jump_url)

    assert world.engine.recipes[-1].prompt == "a red apple"
    assert card(made).message.jump_url in text_of(card(result))


async def test_a_link_to_several_pictures_asks_to_choose(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple", count=2)

    result = await remix(world, card(made).message.jump_url)

    assert sentence(result) == "That message has 2 pictures; use Apps > Remix on it and choose one."


async def test_a_link_to_a_card_of_a_deleted_picture_has_none(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    message = card(made).message
    await world.ada.click(card(made), label="Delete")

    assert sentence(await remix(world, message.jump_url)) == NO_PICTURE


async def test_a_link_to_a_message_of_the_bots_own_without_a_picture_has_none(world: World) -> None:
    message = world.env.backend.create_message(world.channel.id, world.env.backend.bot_user.id, "...")
    message.content = ""  # as while the bot is thinking

    result = await remix(world, link_to(world.guild.id, world.channel.id, message.id))

    assert sentence(result) == NO_PICTURE


async def test_what_is_known_of_a_channel_and_its_reader_is_not_asked_for(world: World) -> None:
    channel = world.guild.create_text_channel("other")
    message = post(world, channel.id, world.grace.id)
    before = len(world.env.http_requests)

    await remix(world, link_to(world.guild.id, channel.id, message))

    asked = [entry.path for entry in world.env.http_requests[before:] if entry.method == "GET"]
    assert asked == [f"/channels/{channel.id}/messages/{message}"]


async def test_a_channel_that_the_bot_cannot_read_is_named(world: World) -> None:
    channel = world.guild.create_text_channel("deaf")
    message = post(world, channel.id, world.grace.id)
    world.env.inject_error("GET", f"/channels/{channel.id}/messages/*", status=403, code=50001)

    result = await remix(world, link_to(world.guild.id, channel.id, message))

    assert sentence(result) == (
        f"I lack the permission Read Message History in <#{channel.id}>; an admin can grant that."
    )


# One of the messages looked through is the command's own, which says that the bot is thinking.
@pytest.mark.parametrize(("younger", "found"), [(LOOK_BACK - 2, True), (LOOK_BACK - 1, False)])
async def test_the_latest_picture_is_looked_for_so_far_back(world: World, younger: int, found: bool) -> None:
    post(world, world.channel.id, world.grace.id)
    for number in range(younger):
        world.env.backend.create_message(world.channel.id, world.grace.id, f"talk {number}", broadcast=False)

    result = await remix(world)

    if found:
        assert colour_taken(world) == BLUE
    else:
        assert sentence(result).startswith("There is no picture to start from")


async def test_of_several_messages_and_pictures_the_newest_message_and_its_first_is_taken(
    world: World,
) -> None:
    post(world, world.channel.id, world.grace.id, "green")
    files = [("red.png", png("red")), ("blue.png", png("blue"))]
    newest = await world.grace.send(world.channel, attachments=files)
    await world.grace.send(world.channel, "nice")

    result = await remix(world)

    assert colour_taken(world) == RED
    assert newest.jump_url in text_of(card(result))


async def test_where_the_bot_cannot_read_the_channel_its_permission_is_asked_for(world: World) -> None:
    post(world, world.channel.id, world.grace.id)
    world.env.inject_error("GET", f"/channels/{world.channel.id}/messages", status=403, code=50001)

    assert sentence(await remix(world)) == (
        f"I lack the permission Read Message History in <#{world.channel.id}>; an admin can grant that."
    )


async def test_ones_own_picture_in_another_channel_is_not_the_latest_here(world: World) -> None:
    await world.ada.slash(world.guild.create_text_channel("other"), "imagine", prompt="a red apple")

    assert sentence(await remix(world)).startswith("There is no picture to start from")


async def test_ones_own_private_picture_is_not_the_latest(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple", private=True)

    assert sentence(await remix(world)).startswith("There is no picture to start from")


async def test_where_discord_names_no_channel_there_is_no_latest_picture(world: World) -> None:
    anybody: Any = discord.Object(world.ada.id)
    nowhere = Asker(anybody, guild_id=None, channel=None, reads_here=True)

    with pytest.raises(NoSourceError):
        await Sources(world.bot).find(nowhere)


@pytest.mark.parametrize(
    ("jump_url", "expected"), [(None, "https://discord.com/channels/1/2/3"), ("a link", "a link")]
)
async def test_a_picture_from_history_is_seen_where_it_was_taken_from_or_else_on_its_card(
    world: World, jump_url: str | None, expected: str
) -> None:
    generation = a_generation(origin=Origin(guild_id=1, channel_id=2, message_id=3))

    source = await Sources(world.bot).take(generation, jump_url)

    assert source.jump_url == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (Origin(guild_id=1, channel_id=2, message_id=3), "https://discord.com/channels/1/2/3"),
        (Origin(channel_id=2, message_id=3), "https://discord.com/channels/@me/2/3"),
        (Origin(guild_id=1, channel_id=2, message_id=3, private=True), None),
        (Origin(guild_id=1, channel_id=2), None),
        (Origin(guild_id=1, message_id=3), None),
    ],
)
def test_a_picture_can_be_jumped_to_where_it_was_posted(origin: Origin, expected: str | None) -> None:
    assert jump_url_of(a_generation(origin=origin)) == expected
