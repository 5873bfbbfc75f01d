"""Who may start from which picture: links, threads, servers, direct messages, and the files behind them."""

import asyncio
from collections.abc import Callable
from typing import Any

import discord
import pytest
from simcord.enums import ChannelType

from bot.core.errors import NoSourceError, SourceAccessError
from bot.core.jobs import Finished, Origin
from bot.core.requests import ImagineRequest
from cogs.ui.pictures import PictureLink
from cogs.ui.sources import LOOK_BACK, MIB, Asker, Sources, jump_url_of
from tests.core.examples import a_generation
from tests.discord.world import World, card, png, sentence, text_of

REFUSED = "That picture is in a place that you cannot read, so it cannot be used."
NO_PICTURE = "That message is gone, or it has no picture."
RED, BLUE = b"\xff\x00\x00", b"\x00\x00\xff"


def colour_taken(world: World) -> bytes:
    """The first pixel of the picture that the last remix started from."""
    source = world.engine.sources[-1]
    assert source is not None
    return source.rgb[:3]


def link_to(guild: int | str, channel: int, message: int) -> str:
    return f"https://discord.com/channels/{guild}/{channel}/{message}"


def post(world: World, channel: int, author: int, colour: str = "blue", **extra: Any) -> int:
    """Put a message with a picture there without anybody's permission being asked; its id."""
    attachments = world.env.backend.store_attachments(channel, [("cat.png", png(colour))])
    return world.env.backend.create_message(channel, author, attachments=attachments, **extra).id


async def remix(world: World, source: str | None = None) -> Any:
    options = {} if source is None else {"source": source}
    return await world.ada.slash(world.channel, "remix", prompt="x", **options)


# Links


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


# Who can read


@pytest.mark.parametrize(
    ("overwrite", "allowed"),
    [
        (discord.PermissionOverwrite(), True),
        (discord.PermissionOverwrite(view_channel=False), False),
        (discord.PermissionOverwrite(read_message_history=False), False),
    ],
)
async def test_a_link_works_where_the_user_sees_the_channel_and_its_history(
    world: World, overwrite: discord.PermissionOverwrite, allowed: bool
) -> None:
    channel = world.guild.create_text_channel("other", overwrites={world.ada: overwrite})
    message = post(world, channel.id, world.grace.id)

    result = await remix(world, link_to(world.guild.id, channel.id, message))

    if allowed:
        assert colour_taken(world) == BLUE
    else:
        assert sentence(result) == REFUSED
        assert world.engine.recipes == []


async def test_the_channel_one_asks_in_can_be_read_whatever_its_permissions_say(world: World) -> None:
    channel = world.guild.create_text_channel(
        "here", overwrites={world.ada: discord.PermissionOverwrite(read_message_history=False)}
    )
    message = post(world, channel.id, world.grace.id)

    await world.ada.slash(channel, "remix", prompt="x", source=link_to(world.guild.id, channel.id, message))

    assert colour_taken(world) == BLUE


def add_to_thread(world: World, thread: int) -> None:
    world.env.backend.add_thread_member(thread, world.ada.id)


def let_manage_threads(world: World, _thread: int) -> None:
    role = world.guild.create_role("keeper", permissions=discord.Permissions(manage_threads=True))
    world.env.backend.get_member(world.guild.id, world.ada.id).role_ids.append(role.id)


def do_nothing(_world: World, _thread: int) -> None: ...


@pytest.mark.parametrize(
    ("kind", "prepare", "allowed"),
    [
        (ChannelType.PUBLIC_THREAD, do_nothing, True),
        (ChannelType.PRIVATE_THREAD, do_nothing, False),
        (ChannelType.PRIVATE_THREAD, add_to_thread, True),
        (ChannelType.PRIVATE_THREAD, let_manage_threads, True),
    ],
)
async def test_a_private_thread_is_read_by_its_members_and_keepers(
    world: World, kind: ChannelType, prepare: Callable[[World, int], None], allowed: bool
) -> None:
    thread = world.env.backend.create_thread(world.channel.id, "thread", world.grace.id, type=kind)
    prepare(world, thread.id)
    message = post(world, thread.id, world.grace.id)

    result = await remix(world, link_to(world.guild.id, thread.id, message))

    if allowed:
        assert colour_taken(world) == BLUE
    else:
        assert sentence(result) == REFUSED


@pytest.mark.parametrize("member", [True, False])
async def test_a_picture_in_another_server_is_for_its_members(world: World, member: bool) -> None:
    other = world.env.create_guild("Elsewhere")
    channel = other.create_text_channel("hall")
    other.add_member(world.grace.user)
    if member:
        other.add_member(world.ada.user)
    message = post(world, channel.id, world.grace.id)

    result = await remix(world, link_to(other.id, channel.id, message))

    if member:
        assert colour_taken(world) == BLUE
    else:
        assert sentence(result) == REFUSED


async def test_a_link_into_a_server_that_the_bot_is_not_in_is_refused(world: World) -> None:
    message = post(world, world.channel.id, world.grace.id)

    elsewhere = link_to(10**17, 10**17 + 1, message)

    assert sentence(await remix(world, elsewhere)) == REFUSED


async def test_a_link_to_a_channel_that_is_not_there_is_refused(world: World) -> None:
    assert sentence(await remix(world, link_to(world.guild.id, 10**17, 10**17 + 1))) == REFUSED


async def test_another_persons_direct_messages_are_refused(world: World) -> None:
    dm = world.grace.user.dm_channel
    message = post(world, dm.id, world.grace.id)

    assert sentence(await remix(world, link_to("@me", dm.id, message))) == REFUSED


async def test_in_direct_messages_ones_own_links_work(world: World) -> None:
    dm = world.ada.user.dm_channel
    message = post(world, dm.id, world.ada.id)

    await world.ada.user.slash("remix", prompt="x", source=link_to("@me", dm.id, message))

    assert colour_taken(world) == BLUE


async def test_a_picture_of_the_command_line_is_its_owners_alone(world: World) -> None:
    ticket = await world.services.generation.submit(ImagineRequest(prompt="a red apple"), Origin())
    outcome = await ticket.outcome()
    assert isinstance(outcome, Finished)

    assert sentence(await remix(world, outcome.generations[0].id)) == REFUSED


async def test_a_picture_is_named_by_its_id_from_another_channel_only_where_it_can_be_read(
    world: World,
) -> None:
    hidden = world.guild.create_text_channel(
        "hidden", overwrites={world.ada: discord.PermissionOverwrite(view_channel=False)}
    )
    for channel in (hidden, world.guild.create_text_channel("open")):
        await world.grace.slash(channel, "imagine", prompt="a red apple")
    page = await world.services.gallery.page(world.grace.id)
    in_open, in_hidden = page.generations

    assert sentence(await remix(world, in_hidden.id)) == REFUSED
    await remix(world, in_open.id)
    assert world.engine.recipes[-1].source_sha256 == in_open.image_sha256


async def test_ones_own_private_picture_can_be_named(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple", private=True)
    page = await world.services.gallery.page(world.ada.id)

    await remix(world, page.generations[0].id)

    assert world.engine.recipes[-1].source_sha256 == page.generations[0].image_sha256


async def test_a_picture_named_by_its_id_has_its_card_as_the_place_to_jump_to(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    page = await world.services.gallery.page(world.ada.id)

    result = await remix(world, page.generations[0].id)

    assert f"[this picture]({card(made).message.jump_url})" in text_of(card(result))


# The latest picture


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


async def test_where_the_bot_cannot_read_the_channel_there_is_no_latest_picture(world: World) -> None:
    post(world, world.channel.id, world.grace.id)
    world.env.inject_error("GET", f"/channels/{world.channel.id}/messages", status=403, code=50001)

    assert sentence(await remix(world)).startswith("There is no picture to start from")


async def test_ones_own_picture_in_another_channel_is_not_the_latest_here(world: World) -> None:
    await world.ada.slash(world.guild.create_text_channel("other"), "imagine", prompt="a red apple")

    assert sentence(await remix(world)).startswith("There is no picture to start from")


async def test_ones_own_private_picture_is_taken_without_a_link_to_it(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple", private=True)

    result = await remix(world)

    assert world.engine.recipes[-1].source_sha256
    assert "discord.com/channels" not in text_of(card(result))


async def test_where_discord_names_no_channel_there_is_no_latest_picture(world: World) -> None:
    nowhere = Asker(discord.Object(world.ada.id), None, None)  # type: ignore[arg-type] # its id is enough

    with pytest.raises(NoSourceError):
        await Sources(world.bot).find(nowhere)


# The file behind it


async def test_an_embeds_picture_is_taken_from_discords_own_copy(world: World) -> None:
    [copy] = world.env.backend.store_attachments(world.channel.id, [("cat.png", png("blue"))])
    image = {"url": "https://example.org/cat.png", "proxy_url": copy["url"]}
    message = world.env.backend.create_message(
        world.channel.id, world.grace.id, "look", embeds=[{"type": "image", "image": image}]
    )

    await remix(world, link_to(world.guild.id, world.channel.id, message.id))

    assert colour_taken(world) == BLUE


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/cat.png",
        "https://cdn.discordapp.com.example.org/cat.png",
        "https://cdn.discordapp.com@example.org/cat.png",
        "http://127.0.0.1/cat.png",
    ],
)
async def test_nothing_is_fetched_from_anywhere_but_discords_own_hosts(
    world: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(world.bot.http, "get_from_cdn", fetched.append)

    with pytest.raises(SourceAccessError):
        await Sources(world.bot).take(PictureLink(url, "cat.png"), None)

    assert fetched == []


async def test_a_file_that_is_no_longer_there_is_said_to_be_gone(world: World) -> None:
    message = post(world, world.channel.id, world.grace.id)
    world.env.backend.cdn._blobs.clear()

    result = await remix(world, link_to(world.guild.id, world.channel.id, message))

    assert sentence(result) == "The picture is no longer there."


async def test_a_file_that_never_comes_is_said_to_be_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_url: str) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    message = post(world, world.channel.id, world.grace.id)
    monkeypatch.setattr(world.bot.http, "get_from_cdn", never)
    monkeypatch.setattr("cogs.ui.sources.FETCH_SECONDS", 0)

    result = await remix(world, link_to(world.guild.id, world.channel.id, message))

    assert sentence(result) == "The picture is no longer there."


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (MIB, "That file is not a picture; PNG, JPEG, WebP, GIF, BMP and TIFF are taken."),
        (MIB + 1, "That file has 1,048,577 bytes; 1,048,576 are allowed."),
    ],
)
async def test_a_file_that_is_too_large_is_refused_by_its_size(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int, expected: str
) -> None:
    monkeypatch.setattr(world.bot, "settings", world.settings.model_copy(update={"max_source_mib": 1}))

    result = await world.ada.slash(world.channel, "remix", prompt="x", image=("a.png", b"x" * size))

    assert sentence(result) == expected


async def test_a_file_that_is_too_large_is_not_even_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.bot, "settings", world.settings.model_copy(update={"max_source_mib": 1}))
    fetched: list[str] = []
    monkeypatch.setattr(world.bot.http, "get_from_cdn", fetched.append)

    await world.ada.slash(world.channel, "remix", prompt="x", image=("a.png", b"x" * (MIB + 1)))

    assert fetched == []


async def test_a_picture_from_history_is_never_fetched_from_discord(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    fetched: list[str] = []
    monkeypatch.setattr(world.bot.http, "get_from_cdn", fetched.append)

    await remix(world)

    assert fetched == []
    assert len(world.engine.recipes) == 2


# Where a picture can be seen


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
