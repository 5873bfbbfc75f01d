"""The file behind a source: where it is fetched from, and where never."""

import asyncio

import aiohttp
import pytest

from bot.core.errors import SourceAccessError
from cogs.ui.pictures import PictureLink
from cogs.ui.sources import MIB, Sources
from tests.discord.sourcing import BLUE, colour_taken, link_to, post, remix
from tests.discord.world import World, png, sentence


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


async def test_a_file_that_breaks_off_is_said_to_be_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_url: str) -> bytes:
        raise aiohttp.ServerDisconnectedError

    message = post(world, world.channel.id, world.grace.id)
    monkeypatch.setattr(world.bot.http, "get_from_cdn", broken)

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
