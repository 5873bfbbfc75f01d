"""A restart, with a job in each of its statuses; and jobs that outlive their interaction."""

import asyncio
from typing import Any

import discord
import pytest

from bot.core.errors import DeviceMemoryError
from bot.core.jobs import JobStatus
from bot.core.service import GenerationService
from tests.discord.world import World, buttons_of, card, pictures_of, text_of, until

LONG = 16 * 60
"""Seconds: an interaction's token lives for fifteen minutes."""


def is_finished(message: object) -> bool:
    """Whether a card shows its pictures, and not only how they form."""
    return "Remix" in buttons_of(message) and bool(pictures_of(message))


def shown(world: World, channel: Any) -> list[Any]:
    """A channel's messages as they are stored, with all of their components."""
    return [world.env.backend.get_message(channel.id, message.id) for message in channel.history()]


def status_of(world: World, prompt: str) -> JobStatus:
    """Of the one job with this prompt."""
    [status] = world.query("SELECT status FROM jobs WHERE recipes LIKE ?", f"%{prompt}%")
    return JobStatus(status)


@pytest.mark.live
@pytest.mark.parametrize("private", [False, True])
async def test_a_waiting_and_a_running_job_are_made_after_a_restart(world: World, private: bool) -> None:
    world.engine.hold()
    running = await world.ada.slash(world.channel, "imagine", prompt="a cat", private=private)
    waiting = await world.grace.slash(world.channel, "imagine", prompt="a dog", private=private)

    await world.restart()

    await until(lambda: is_finished(card(running)) and is_finished(card(waiting)))
    assert len(world.channel.history(viewer=world.grace)) == (1 if private else 2)
    assert [recipe.prompt for recipe in world.engine.recipes] == ["a cat", "a dog"]
    await world.env.settle()
    for prompt in ("a cat", "a dog"):
        assert status_of(world, prompt) is JobStatus.DONE


@pytest.mark.live
async def test_a_job_that_was_made_and_not_delivered_is_delivered_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: Any) -> None:
        await world.env.external_wait(asyncio.Event().wait(), reason="the process dies before")

    monkeypatch.setattr("cogs.ui.progress.show_pictures", stuck)
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    await until(lambda: status_of(world, "a cat") is JobStatus.DELIVERING)
    monkeypatch.undo()

    await world.restart()

    await until(lambda: is_finished(card(made)))
    assert world.engine.recipes == [], "it was not made a second time"
    assert len(world.channel.history()) == 1


@pytest.mark.live
@pytest.mark.parametrize(("kind", "text"), [("failed", "ran out of memory"), ("cancelled", "Cancelled.")])
async def test_an_end_that_nobody_was_told_is_told_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    async def stuck(*_: Any) -> None:
        await world.env.external_wait(asyncio.Event().wait(), reason="the process dies before")

    monkeypatch.setattr("cogs.ui.progress._conclude", stuck)
    if kind == "failed":
        world.engine.errors.append(DeviceMemoryError("tiny", 128, 128))
    else:
        world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    if kind == "cancelled":
        await world.ada.click(card(made), label="Cancel")
    await until(lambda: status_of(world, "a cat") is JobStatus(kind))
    monkeypatch.undo()

    await world.restart()

    await until(lambda: text in text_of(card(made)))
    assert buttons_of(card(made)) == ["Again", "Details"]
    assert world.engine.recipes == []


async def test_a_job_that_is_done_is_left_alone_by_a_restart(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    before = len(world.env.http_requests)

    await world.restart()

    assert len(pictures_of(card(made))) == 1
    edits = [r for r in world.env.http_requests[before:] if "messages" in str(r)]
    assert edits == []


@pytest.mark.live
async def test_a_job_that_takes_longer_than_a_token_lives_is_delivered_as_a_message(world: World) -> None:
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await world.env.advance_time(LONG)
    world.engine.release()

    await until(lambda: is_finished(shown(world, world.channel)[-1]))
    assert [message.id for message in world.channel.history()] == [card(made).id]


@pytest.mark.live
async def test_a_private_job_that_takes_longer_than_a_token_lives_goes_to_its_owner(world: World) -> None:
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="a secret", private=True)

    await world.env.advance_time(LONG)
    world.engine.release()

    await until(lambda: bool(shown(world, world.ada.user.dm_channel)))
    [direct] = shown(world, world.ada.user.dm_channel)
    assert is_finished(direct)
    assert world.channel.history(viewer=world.grace) == []


@pytest.mark.live
async def test_a_card_that_a_moderator_deleted_meanwhile_comes_anew(world: World) -> None:
    mods = world.guild.create_role("mods", permissions=discord.Permissions(manage_messages=True))
    moderator = world.guild.add_member(world.env.create_user("mo"), roles=[mods])
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await moderator.delete(card(made))
    world.engine.release()

    await until(lambda: any(map(is_finished, shown(world, world.channel))))
    [anew] = shown(world, world.channel)
    assert f"For <@{world.ada.id}>" in text_of(anew)


@pytest.mark.live
async def test_what_waits_when_the_bot_is_drained_says_so(world: World) -> None:
    world.engine.hold()
    running = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    waiting = await world.grace.slash(world.channel, "imagine", prompt="a dog")
    service: GenerationService = world.services.generation

    draining = asyncio.create_task(service.drain(60))
    await asyncio.sleep(0)
    refused = await world.grace.slash(world.channel, "imagine", prompt="one more")
    world.engine.release()
    await draining

    assert "takes nothing new" in card(refused).content
    await until(lambda: is_finished(card(running)))
    await until(lambda: "The bot is restarting; this goes on by itself" in text_of(card(waiting)))
    assert status_of(world, "a dog") is JobStatus.QUEUED
