"""Who may start from which picture: channels, threads, servers, direct messages."""

from collections.abc import Callable

import discord
import pytest
from simcord.enums import ChannelType

from bot.core.jobs import Finished, Origin
from bot.core.requests import ImagineRequest
from tests.discord.sourcing import BLUE, REFUSED, colour_taken, link_to, post, remix
from tests.discord.world import World, card, sentence, text_of


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


async def test_where_history_cannot_be_read_commands_work_but_its_pictures_are_refused(
    world: World,
) -> None:
    channel = world.guild.create_text_channel(
        "here", overwrites={world.ada: discord.PermissionOverwrite(read_message_history=False)}
    )
    message = post(world, channel.id, world.grace.id)
    link = link_to(world.guild.id, channel.id, message)

    assert sentence(await world.ada.slash(channel, "remix", prompt="x", source=link)) == REFUSED
    bare = await world.ada.slash(channel, "remix", prompt="x")
    assert sentence(bare).startswith("There is no picture to start from")
    assert world.engine.recipes == []


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


async def test_a_channel_of_another_server_under_this_ones_name_is_refused(world: World) -> None:
    channel = world.env.create_guild("Elsewhere").create_text_channel("hall")
    message = world.env.backend.create_message(channel.id, world.env.backend.bot_user.id, "hello")

    assert sentence(await remix(world, link_to(world.guild.id, channel.id, message.id))) == REFUSED


async def test_direct_messages_under_a_servers_name_are_refused(world: World) -> None:
    dm = world.grace.user.dm_channel
    message = post(world, dm.id, world.grace.id)

    assert sentence(await remix(world, link_to(world.guild.id, dm.id, message))) == REFUSED


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


async def test_ones_own_private_picture_can_be_named_where_nobody_else_sees_the_answer(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple", private=True)
    [secret] = (await world.services.gallery.page(world.ada.id)).generations

    assert sentence(await remix(world, secret.id)).startswith("That picture is private; ")
    await remix(world, secret.id, private=True)

    assert [recipe.source_sha256 for recipe in world.engine.recipes] == [None, secret.image_sha256]


async def test_a_picture_named_by_its_id_has_its_card_as_the_place_to_jump_to(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    page = await world.services.gallery.page(world.ada.id)

    result = await remix(world, page.generations[0].id)

    assert f"[this picture]({card(made).message.jump_url})" in text_of(card(result))
