"""The bot's process, from login to a clean stop."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import repeat
from typing import Any

import pytest
from discord import app_commands
from pydantic import SecretStr

from bot.core.errors import DiscordUnreachableError, SettingsError
from bot.running import serve, sync_commands
from bot.settings import Settings
from tests.fakes import FakeEngine
from tests.loopback.answers import OK, Answer, failed, rate_limited
from tests.loopback.interactions import Pressed
from tests.loopback.pointing import point_discord_at
from tests.loopback.server import CHANNEL_MESSAGES, COMMANDS, ORIGINAL, PATIENCE_SECONDS, LoopbackDiscord
from tests.loopback.shapes import APPLICATION_ID, LOADING, USER_ID
from tests.loopback.stage import ANSWERING, NoisyEngine, Stage, connected, pictures_of, settled, text_of

NOBODY_LISTENS = "http://127.0.0.1:9"
STRANGER = 800000000000000042


@pytest.fixture(autouse=True)
def _without_torch(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `bot.running` opens by itself is given this engine."""
    monkeypatch.setattr("bot.wiring.device_engine", lambda *_: engine)
    yield
    gc.unfreeze()  # `serve` freezes the objects of a process that is to go on for long


@asynccontextmanager
async def served(discord: LoopbackDiscord, settings: Settings) -> AsyncIterator[None]:
    """The bot's whole process, but for the command line, until SIGTERM ends it."""
    serving = asyncio.create_task(serve(settings))
    ready = asyncio.create_task(discord.gateway.ready.wait())
    await asyncio.wait({serving, ready}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    assert ready.done(), serving
    yield
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, PATIENCE_SECONDS)


async def test_sigterm_leaves_discord_and_closes_everything(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    async with served(discord, settings):
        await discord.send_slash("history")

    assert engine.closed
    assert not discord.gateway.ready.is_set()


async def test_a_second_start_goes_on_where_sigterm_cut_short(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    engine.hold()
    async with served(discord, settings.model_copy(update={"grace_seconds": 0.0})):
        pressed = await discord.send_slash("imagine", prompt="a red apple")
        await settled(ANSWERING)
    card = discord.messages.get(pressed.original or 0)
    assert "The bot is restarting; this goes on by itself when it is back." in text_of(card)

    async with connected(discord, settings, NoisyEngine()) as stage:
        await settled()

        assert len(pictures_of(stage.card(pressed))) == 1
        assert stage.engine.recipes[0].prompt == "a red apple"


async def test_sigterm_lets_what_runs_end_and_takes_nothing_new(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    engine.hold()
    async with served(discord, settings):
        pressed = await discord.send_slash("imagine", prompt="a red apple")
        await discord.until(lambda: bool(discord.calls_to("PATCH", ORIGINAL)))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
        late = await discord.send_slash("imagine", prompt="too late")
        engine.release()
        await discord.until(lambda: bool(pictures_of(discord.messages.get(pressed.original or 0))))

    assert "takes nothing new" in text_of(discord.messages.get(late.original or 0))
    assert [recipe.prompt for recipe in engine.recipes] == ["a red apple"]


async def test_the_owner_can_tell_the_bot_to_drain_and_nobody_else(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    serving = asyncio.create_task(serve(settings))
    await discord.gateway.ready.wait()

    await discord.send_message(f"<@{APPLICATION_ID}> drain", user_id=STRANGER)
    await asyncio.sleep(0.2)
    assert not serving.done()
    await discord.send_message(f"<@{APPLICATION_ID}> drain", user_id=USER_ID)
    await asyncio.wait_for(serving, PATIENCE_SECONDS)

    [said] = [call.payload["content"] for call in discord.calls_to("POST", CHANNEL_MESSAGES)]
    assert said.startswith("I take nothing new, finish what runs, and stop.")
    assert engine.closed


async def test_a_thinking_that_never_became_a_job_is_answered_by_the_next_start(
    discord: LoopbackDiscord, settings: Settings
) -> None:
    async with connected(discord, settings, NoisyEngine()) as stage:
        died = asyncio.Event()
        pressed = await _cut_short(stage, died)
    died.set()
    await settled()

    async with connected(discord, settings, NoisyEngine()) as stage:
        await settled(("take-up", *ANSWERING))
        await discord.until(lambda: not stage.card(pressed)["flags"] & LOADING)
        assert text_of(stage.card(pressed)) == "The bot restarted just as you asked; ask once more."
        assert await stage.services.acknowledged.all() == []


async def test_a_thinking_that_somebody_deleted_is_answered_in_private(
    discord: LoopbackDiscord, settings: Settings
) -> None:
    async with connected(discord, settings, NoisyEngine()) as stage:
        died = asyncio.Event()
        pressed = await _cut_short(stage, died)
        await discord.delete_message(pressed.original or 0)
    died.set()
    await settled()

    async with connected(discord, settings, NoisyEngine()) as stage:
        await settled(("take-up", *ANSWERING))

        assert stage.private_sentences(pressed) == ["The bot restarted just as you asked; ask once more."]
        assert await stage.services.acknowledged.all() == []


async def _cut_short(stage: Stage, died: asyncio.Event) -> Pressed:
    """An interaction that was acknowledged, whose job was never written down."""

    async def never(*_: object) -> None:
        await died.wait()
        raise asyncio.CancelledError

    stage.services.generation.submit = never  # type: ignore[assignment, method-assign] # as if the process died here
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    assert len(await stage.services.acknowledged.all()) == 1
    return pressed


async def test_sigterm_ends_a_bot_that_cannot_reach_the_gateway(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    discord.gateway.url = NOBODY_LISTENS.replace("http", "ws")
    serving = asyncio.create_task(serve(settings))
    await discord.until(lambda: bool(discord.calls_to("GET", "/gateway/bot")))

    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, PATIENCE_SECONDS)

    assert engine.closed


async def test_being_cancelled_by_somebody_else_is_not_taken_for_a_signal(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine
) -> None:
    serving = asyncio.create_task(serve(settings))
    await discord.gateway.ready.wait()

    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving

    assert serving.cancelled()
    assert engine.closed


@pytest.mark.usefixtures("discord")
@pytest.mark.parametrize("entry", [serve, sync_commands])
async def test_a_token_that_discord_does_not_know_is_a_settings_error(
    settings: Settings, entry: Callable[[Settings], Awaitable[None]]
) -> None:
    with pytest.raises(SettingsError) as caught:
        await entry(settings.model_copy(update={"token": SecretStr("MTA.another.token")}))

    assert caught.value.variable == "DISCORD_TOKEN"


async def test_an_intent_that_is_not_granted_is_a_settings_error(
    discord: LoopbackDiscord, settings: Settings
) -> None:
    with pytest.raises(SettingsError) as caught:
        await serve(settings.model_copy(update={"message_content": True}))

    assert caught.value.variable == "ATELIER_MESSAGE_CONTENT"
    assert len(discord.gateway.identified) == 1


@pytest.mark.parametrize("route", ["/users/@me", "/gateway/bot"])
@pytest.mark.parametrize("fault", [failed(500), failed(503)])
async def test_a_discord_that_is_down_at_the_start_is_unreachable(
    discord: LoopbackDiscord, settings: Settings, route: str, fault: Answer
) -> None:
    discord.answer("GET", route, repeat(fault))

    with pytest.raises(DiscordUnreachableError):
        await serve(settings)


async def test_a_discord_that_nobody_answers_for_is_unreachable(settings: Settings) -> None:
    with point_discord_at(NOBODY_LISTENS), pytest.raises(DiscordUnreachableError):
        await serve(settings)


async def test_syncing_sends_every_command_each_time(discord: LoopbackDiscord, settings: Settings) -> None:
    await sync_commands(settings)
    await sync_commands(settings)

    assert len(discord.calls_to("PUT", COMMANDS)) == 2
    assert {"imagine", "remix", "ladder", "history", "Remix"} <= {c["name"] for c in discord.commands}
    assert discord.gateway.identified == []


async def test_syncing_waits_for_a_global_rate_limit(
    discord: LoopbackDiscord, settings: Settings, waits: list[float]
) -> None:
    discord.answer("PUT", COMMANDS, [rate_limited(12.5, globally=True), OK])

    await sync_commands(settings)

    assert [call.status for call in discord.calls_to("PUT", COMMANDS)] == [429, 200]
    assert waits == [12.5]


async def test_syncing_beside_a_running_bot_leaves_its_answers_alone(
    discord: LoopbackDiscord, settings: Settings
) -> None:
    async with connected(discord, settings, NoisyEngine()) as stage:
        died = asyncio.Event()
        pressed = await _cut_short(stage, died)

        await sync_commands(settings)

        assert stage.card(pressed)["flags"] & LOADING
        assert len(await stage.services.acknowledged.all()) == 1
        died.set()
        await settled()


async def test_a_device_that_hangs_does_not_keep_the_process(
    discord: LoopbackDiscord, settings: Settings, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = asyncio.Event()

    async def restart(_seconds: float) -> None:
        given_up.set()

    monkeypatch.setattr(engine, "close", given_up.wait)
    monkeypatch.setattr(engine, "restart", restart)
    monkeypatch.setattr("bot.wiring.CLOSING_PATIENCE", 0.05)

    async with served(discord, settings):
        pass

    assert given_up.is_set()


async def test_a_second_start_sends_no_commands_again(discord: LoopbackDiscord, settings: Settings) -> None:
    for _ in range(2):
        async with connected(discord, settings, NoisyEngine()):
            pass

    assert len(discord.gateway.identified) == 2
    assert len(discord.calls_to("PUT", COMMANDS)) == 1


async def test_a_start_after_the_commands_changed_sends_them_again(
    discord: LoopbackDiscord, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(discord, settings, NoisyEngine()):
        pass
    original = app_commands.Command.to_dict

    def changed(self: app_commands.Command[Any, ..., Any], tree: Any) -> dict[str, Any]:
        return {**original(self, tree), "description": "Something new."}

    monkeypatch.setattr(app_commands.Command, "to_dict", changed)
    async with connected(discord, settings, NoisyEngine()):
        pass

    assert len(discord.calls_to("PUT", COMMANDS)) == 2
