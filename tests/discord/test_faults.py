"""What lies outside fails: the user reads one sentence, and history stays consistent."""

import errno
import os
import sqlite3
from typing import Any

import pytest

from bot.core.jobs import JobStatus
from bot.tree import AtelierTree
from tests.discord.world import World, card, pictures_of, png, sentence, text_of

FULL = "The disk is full, so nothing can be kept; the operator must make room."
BUSY = "The database is busy; try again in a moment."


def no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_full_disk_is_said_on_the_card_and_leaves_no_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.history.images.os.fsync", no_space)

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert FULL in text_of(card(result))
    assert (await world.services.gallery.page(world.ada.id)).generations == ()
    monkeypatch.undo()
    again = await world.ada.click(card(result), label="Again")
    assert len(pictures_of(card(again))) == 1


async def test_a_full_disk_refuses_a_source_privately(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.history.images.os.fsync", no_space)

    result = await world.ada.slash(world.channel, "remix", image=("a.png", png()), prompt="x")

    assert sentence(result) == FULL
    assert world.engine.recipes == []


async def test_a_locked_database_refuses_the_request_privately_and_makes_nothing(world: World) -> None:
    other = sqlite3.connect(world.settings.data_dir / "atelier.sqlite3")
    other.execute("BEGIN IMMEDIATE")
    try:
        result = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    finally:
        other.rollback()
        other.close()

    assert sentence(result) == BUSY
    assert world.engine.recipes == []
    later = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    assert len(pictures_of(card(later))) == 1


async def test_a_file_that_vanished_is_said_to_be_gone(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    for path in (world.settings.data_dir / "images").rglob("*.png"):
        path.unlink()
    form = await world.ada.click(card(made), label="Remix")

    result = await world.ada.submit_modal(form, {"prompt": "x", "strength": "0.5"})

    assert "The picture is no longer there." in text_of(card(result))


async def test_a_picture_over_the_upload_limit_is_sent_as_webp_and_the_card_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.ui.job_card.JobCard.upload_limit", 30_000)

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    [picture] = pictures_of(card(result))
    assert picture["media"]["url"].endswith(".webp")
    assert "Sent as WebP: the PNG was over this place's upload limit." in text_of(card(result))


async def test_a_picture_that_no_limit_lets_through_stays_in_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.ui.job_card.JobCard.upload_limit", 10)

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "The picture is made and kept in `/history`, but it is too large" in text_of(card(result))
    [generation] = (await world.services.gallery.page(world.ada.id)).generations
    assert (await world.services.gallery.job(generation.job_id)).status is JobStatus.DONE


async def test_the_bot_answers_only_in_the_channels_that_the_operator_names(world: World) -> None:
    other = world.guild.create_text_channel("elsewhere")
    assert isinstance(world.bot.tree, AtelierTree)
    world.bot.tree.channels = (world.channel.id,)

    refused = await world.ada.slash(other, "imagine", prompt="a cat")
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    direct = await world.ada.user.slash("imagine", prompt="a cat")

    assert sentence(refused) == f"I answer in <#{world.channel.id}> only."
    assert len(pictures_of(card(made))) == len(pictures_of(card(direct))) == 1


async def test_commands_are_synced_only_when_they_changed(world: World) -> None:
    assert await world.bot.sync_commands() is False

    world.bot.tree.remove_command("history")

    assert await world.bot.sync_commands() is True


async def test_the_tiles_of_a_ladder_that_cannot_be_shown_go_to_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.ui.job_card.JobCard.upload_limit", 10)

    result = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))

    assert "made and kept in `/history`" in text_of(card(result))
    assert len((await world.services.gallery.page(world.ada.id)).generations) == 3
