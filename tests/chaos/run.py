"""The run: one Discord, ten people, and a bot that is killed and started again until all is asked for."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.chaos.counting import OVER, Row, Verdict, judge
from tests.chaos.database import damage_of, read_rows
from tests.chaos.deaths import Death, Moment, Watch, draw
from tests.chaos.faults import Faults
from tests.chaos.patience import until
from tests.chaos.people import People
from tests.chaos.process import BotProcess
from tests.chaos.shown import Shown
from tests.chaos.skew import TurnedOn
from tests.loopback.interactions import TOKEN_LIFE
from tests.loopback.script import Call
from tests.loopback.server import LoopbackDiscord

START_SECONDS: Final = 120
"""A bot that is not ready by then has failed to start."""
LATENCY: Final = (0.0, 0.03)
"""Seconds that Discord takes over a request before it does it, and again before it answers."""
QUIET: Final = 2.0
"""Seconds without a request, after which what looks settled is."""
IDLE: Final = 30.0
"""Seconds without a request, after which nothing more is expected: no wait between tries is so long."""
LONGEST_END: Final = 300.0
"""Seconds for everything that is on its way in the end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen."""

    kills: int = 50
    jobs: int = 200
    seed: int = 1
    users: int = 10
    engine: str = "fake"
    fault_share: float = 0.05
    downtimes: float = 0.15
    """Share of all deaths after which the bot stays away for minutes."""

    @property
    def start_up(self) -> float:
        """About how many seconds a start takes."""
        return 1.0 if self.engine == "fake" else 12.0


@dataclass(slots=True)
class Record:
    """What did happen."""

    verdicts: list[Verdict] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """The bot ended by itself, did not start, or did not stop as it should."""
    cancelled: list[str] = field(default_factory=list)
    kills: int = 0
    starts: int = 0
    seconds: float = 0.0


class Run:
    """One run over one data directory."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._data = folder / "data"
        self.log = folder / "bot.log"
        self._rng = random.Random(plan.seed)  # noqa: S311 - for repeating
        self._clock = TurnedOn()
        self._discord = LoopbackDiscord(clock=self._clock)
        self._discord.on_call = self._on_call
        self._faults = Faults(self._rng, plan.fault_share)
        self._bot: BotProcess | None = None
        self._watch = Watch(None)
        self._delay = 0.0
        self._channels: dict[str, int | None] = {}
        self._people: People
        self.record = Record(calls=self._discord.calls)

    async def go(self) -> Record:
        """Until all is asked for, and has its end."""
        begun = time.monotonic()
        async with self._discord as discord:
            channels = [int(discord.channels.of_server()[0]["id"]), await discord.add_channel("garden")]
            self._people = People(
                discord, self._rng, users=self._plan.users, channels=channels, wanted=self._is_wanted
            )
            self._faults.fall_on(discord)
            self._people.arrive()
            try:
                while self.record.kills < self._plan.kills and not self._gave_up:
                    await self._live(draw(self._rng, start_up=self._plan.start_up))
                await self._live_on()
            finally:
                if self._bot is not None and self._bot.is_running:
                    self._bot.kill()
                    await self._bot.ended()
            await asyncio.to_thread(self._look_for_damage)
            self.record.verdicts = self._judge(read_rows(self._data))
            self.record.cancelled = self._people.cancelled
        self.record.seconds = time.monotonic() - begun
        return self.record

    @property
    def _gave_up(self) -> bool:
        return len(self.record.troubles) > self._plan.kills // 5 + 2

    def _is_wanted(self, accepted: int) -> bool:
        """Requests are spread over all lives of the bot."""
        plan = self._plan
        return accepted < plan.jobs * min(1.0, (self.record.kills + 1) / (plan.kills + 1))

    async def _live(self, death: Death) -> None:
        """One life, to its end."""
        self._watch = Watch(death.aim)
        self._delay = death.aim.delay if death.aim else 0.0
        bot = await self._start()
        ended = asyncio.create_task(bot.ended())
        if not death.starting:
            await self._ready(bot, ended)
        await asyncio.wait({ended}, timeout=death.after)
        bot.kill()
        status = await ended
        if bot.killed:
            self.record.kills += 1
        else:
            self.record.troubles.append(f"start {self.record.starts}: the bot ended by itself with {status}")
        self._note(f"ended: {death}")
        await asyncio.to_thread(self._look_for_damage)
        await until(lambda: not self._discord.gateway.ready.is_set(), START_SECONDS)
        self._clock.pass_downtime(self._rng, self._plan.downtimes)

    async def _live_on(self) -> None:
        """The last life: everything finds its end, and the bot is stopped as an operator stops it."""
        self._watch = Watch(None)
        bot = await self._start()
        ended = asyncio.create_task(bot.ended())
        await self._ready(bot, ended)
        deadline = time.monotonic() + LONGEST_END
        await until(lambda: self._people.accepted >= self._plan.jobs or ended.done(), LONGEST_END)
        await self._people.leave()
        self._faults.over = True
        while not (ended.done() or time.monotonic() > deadline):
            await asyncio.sleep(0.5)
            if await self._is_settled():
                break
        if ended.done():
            self.record.troubles.append(f"the last bot ended by itself with {ended.result()}")
            return
        ended.cancel()
        try:
            status = await bot.stop()
        except TimeoutError:
            self.record.troubles.append("SIGTERM did not end the bot")
        else:
            if status:
                self.record.troubles.append(f"the bot ended with {status} after SIGTERM")

    async def _start(self) -> BotProcess:
        self.record.starts += 1
        self._note(f"start {self.record.starts}, clocks ahead by {self._clock.ahead:g} s")
        self._bot = await BotProcess.start(
            self._discord.url, self._data, self.log, self._plan.engine, self._clock.ahead
        )
        return self._bot

    async def _ready(self, bot: BotProcess, ended: asyncio.Task[int]) -> None:
        """Until it is connected, or gone."""
        ready = asyncio.create_task(self._discord.gateway.ready.wait())
        done, _ = await asyncio.wait(
            {ended, ready}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        ready.cancel()
        if not done:
            self.record.troubles.append(f"start {self.record.starts}: not ready in time")
            bot.kill()

    async def _on_call(self, call: Call) -> None:
        """Takes a little time, and may be the bot's end."""
        if call.status is None:
            self._kill_at(self._watch.sees(call))
            await asyncio.sleep(self._rng.uniform(*LATENCY))
        else:
            await asyncio.sleep(self._rng.uniform(*LATENCY))
            self._kill_at(self._watch.sees(call))

    def _kill_at(self, moment: Moment | None) -> None:
        if self._bot is None or moment is None:
            return
        if moment is Moment.ANSWERED:
            asyncio.get_running_loop().call_later(self._delay, self._bot.kill)
        else:
            self._bot.kill()

    async def _is_settled(self) -> bool:
        """Whether nothing is on its way, or nothing more is done about it."""
        quiet = time.time() - max((call.at for call in self._discord.calls), default=0.0)
        if quiet > IDLE:
            return True
        rows = await asyncio.to_thread(read_rows, self._data)
        if quiet < QUIET or any(row.status not in OVER for row in rows):
            return False
        return not any(verdict.outcome.is_wrong for verdict in self._judge(rows))

    def _judge(self, rows: list[Row]) -> list[Verdict]:
        tokens_end = self._clock() - TOKEN_LIFE
        asks = [
            asking.as_ask(tokens_end)
            for asking in self._people.askings
            if asking.is_acknowledged(self._discord)
        ]
        return judge(asks, rows, self._shown())

    def _shown(self) -> list[Shown]:
        """All messages of the bot, the deleted ones too."""
        messages, direct = self._discord.messages, self._discord.channels.recipients()
        return [
            Shown.of(message, direct_to=direct.get(message["channel_id"]), deleted=deleted)
            for kept, deleted in ((messages.everywhere(), False), (messages.deleted.values(), True))
            for message in kept
            if message["author"]["bot"]
        ]

    def _look_for_damage(self) -> None:
        if damage := damage_of(self._data):
            self.record.damage.append(f"after start {self.record.starts}: {damage}")

    def _note(self, text: str) -> None:
        """Into the bot's log, between its own lines."""
        with self.log.open("a") as file:
            file.write(f"=== {text}, at {time.time():.3f}\n")
