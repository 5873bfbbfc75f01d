"""Ten people who ask for pictures, change their minds, and delete each other's cards."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from typing import Any, Final

from tests.chaos.asking import Asking
from tests.chaos.patience import until
from tests.chaos.shown import Shown
from tests.loopback.interactions import COMMAND, COMPONENT, Pressed
from tests.loopback.server import LoopbackDiscord
from tests.loopback.shapes import APPLICATION_ID, Json, component, slash

FIRST_USER_ID: Final = 800_000_000_000_000_000
PATIENCE: Final = 4.0
"""Seconds in which a bot that is connected answers at all."""
NEXT_THOUGHT: Final = (0.02, 0.4)
"""Seconds between an answer and the next request, at least and at most."""
CANCELS, DELETES, PRIVATE, PAIRS = 0.15, 0.12, 0.3, 0.3
"""Shares: of jobs called off, of cards deleted, of requests in private, of those for two pictures."""
KINDS: Final = ("imagine", "remix", "again", "mention")
WEIGHTS: Final = (45, 15, 20, 20)


class People:
    """They act while the bot is connected and `wanted` says so."""

    def __init__(
        self,
        discord: LoopbackDiscord,
        rng: random.Random,
        *,
        users: int,
        channels: list[int],
        wanted: Callable[[int], bool],
    ) -> None:
        """`wanted` is given how many requests are acknowledged, or may be yet."""
        self.askings: list[Asking] = []
        self.cancelled: list[str] = []
        """Jobs whose Cancel button was pressed, and the press acknowledged."""
        self._discord = discord
        self._rng = rng
        self._channels = channels
        self._wanted = wanted
        self._users = [discord.people.user(FIRST_USER_ID + n, f"user{n}") for n in range(users)]
        self._numbers = count(1)
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def accepted(self) -> int:
        """How many requests were acknowledged."""
        return sum(asking.is_acknowledged(self._discord) for asking in self.askings)

    def arrive(self) -> None:
        """Everybody begins to ask."""
        for user in self._users:
            self._spawn(self._ask_on(user))

    async def leave(self) -> None:
        """Nobody does anything more."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)

    async def _ask_on(self, user: Json) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(*NEXT_THOUGHT))
            await self._discord.gateway.ready.wait()
            if not self._wanted(self.accepted + self._waiting):
                continue
            self._waiting += 1
            try:
                asking = await self._ask(user)
                self.askings.append(asking)
                await self._until_answered(partial(asking.is_acknowledged, self._discord))
            finally:
                self._waiting -= 1
            self._change_minds(user, asking)

    async def _ask(self, user: Json) -> Asking:
        [kind] = self._rng.choices(KINDS, WEIGHTS)
        prompt = f"a red apple, number {next(self._numbers)}"
        mine = self._delivered_to(int(user["id"]))
        if kind == "mention":
            return await self._write(user, prompt)
        if kind == "again" and mine:
            return await self._press_again(user, self._rng.choice(mine))
        return await self._command(user, prompt, self._rng.choice(mine) if kind == "remix" and mine else None)

    async def _write(self, user: Json, prompt: str) -> Asking:
        user_id, channel_id = int(user["id"]), self._rng.choice(self._channels)
        text = f"<@{APPLICATION_ID}> imagine {prompt}"
        message_id = await self._discord.send_message(text, user_id=user_id, channel_id=channel_id)
        return Asking(user_id, f"mention: {prompt}", message_id=message_id)

    async def _press_again(self, user: Json, card: Shown) -> Asking:
        pressed = await self._press(user, card, "again")
        return Asking(int(user["id"]), f"again: {min(card.jobs)}", card.private, pressed)

    async def _command(self, user: Json, prompt: str, source: Shown | None) -> Asking:
        name, private = "imagine", self._rng.random() < PRIVATE
        options: Json = {"prompt": prompt, "count": 2 if self._rng.random() < PAIRS else 1}
        if source is not None:
            name, private = "remix", source.private  # a private picture is not remixed in public
            options["source"] = min(source.pictures)
        data = slash(1, name, options | {"private": private})
        pressed = await self._discord.press(COMMAND, data, user, self._rng.choice(self._channels))
        return Asking(int(user["id"]), f"{name}: {prompt}", private, pressed)

    def _change_minds(self, user: Json, asking: Asking) -> None:
        if self._rng.random() < CANCELS:
            self._spawn(self._cancel(user, asking))
        if self._rng.random() < DELETES and not asking.private:
            self._spawn(self._delete(asking))

    async def _cancel(self, user: Json, asking: Asking) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.6))
        if not self._discord.gateway.ready.is_set():
            return
        card = next((card for card in asking.answers(self._discord) if card.on_its_way), None)
        if card is not None:
            pressed = await self._press(user, card, "cancel")
            await self._until_answered(lambda: pressed.acknowledged)
            if pressed.original == card.id:  # else it is told why not
                self.cancelled += card.jobs

    async def _delete(self, asking: Asking) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.6))
        for card in asking.answers(self._discord):
            if card.on_its_way or card.thinking:
                await self._discord.delete_message(card.id)

    async def _press(self, user: Json, card: Shown, action: str) -> Pressed:
        [job] = card.jobs
        channel = int(self._discord.messages.get(card.id)["channel_id"])
        data = component(f"atelier:{action}:{job}", None)
        return await self._discord.press(COMPONENT, data, user, channel, card.id)

    def _delivered_to(self, user_id: int) -> list[Shown]:
        """The cards with pictures that came of this user's own requests."""
        own = [asking for asking in self.askings if asking.user_id == user_id]
        return [card for asking in own for card in asking.answers(self._discord) if card.pictures]

    async def _until_answered(self, is_answered: Callable[[], bool]) -> None:
        """Or until the bot is gone, or has taken too long."""
        is_there = self._discord.gateway.ready.is_set
        await until(lambda: is_answered() or not is_there(), PATIENCE)
