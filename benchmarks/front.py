"""How soon is everybody answered when 300 people use /imagine in the same moment?

    python -m benchmarks.front --json

The real bot in a process of its own, a small Discord on loopback in this one, and an engine without a
device. All commands go out over the gateway, each of another user. It is done twice, each time with a bot
that was just started: with room for all in the queue, and with the default limit (keys that begin with
`full_`), where some are refused.

Keys: `ack_p50_ms`, `ack_p99_ms` (to be under 500; Discord gives up after 3000) and `ack_max_ms`, from the
dispatch of a command to the moment at which Discord has read its callback; `accepted` (a job in the
database, its pictures delivered); `refused` (told privately that the queue is full); `lost` (neither: to
be 0); `commands`; `driver_share`, how much of the time until the last callback this process computed: near
1 it is Discord that was measured.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.core.errors import QueueFullError
from bot.core.messages import explain
from bot.settings import Settings
from tests.chaos.asking import Asking
from tests.chaos.counting import Outcome, Verdict, judge
from tests.chaos.database import read_rows
from tests.chaos.patience import until
from tests.chaos.people import FIRST_USER_ID
from tests.chaos.process import BotProcess
from tests.chaos.shown import Shown
from tests.loopback.interactions import COMMAND, Pressed
from tests.loopback.script import Call
from tests.loopback.server import LoopbackDiscord
from tests.loopback.shapes import Json, slash

ROOT: Final = Path(__file__).parents[1]
COMMANDS: Final = 300
DEFAULT_LIMIT: Final = int(Settings.model_fields["queue_limit"].default)
START_SECONDS: Final = 60
LONGEST_END: Final = 180
"""Seconds for everything that was asked for to have its end."""
QUIET: Final = 1.0
"""Seconds without a request, after which it is worth looking what became of all."""
IDLE: Final = 15.0
"""Seconds without a request, after which nothing more comes: the bot's own second try is sooner."""
FULL: Final = explain(QueueFullError(DEFAULT_LIMIT, 0)).partition(";")[0]


@dataclass(slots=True)
class Front:
    """All commands, and when their callbacks came."""

    discord: LoopbackDiscord
    pressed: list[Pressed] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    seen: dict[int, float] = field(default_factory=dict)
    computed: float = 0.0
    """Seconds of this process's own work when the latest callback came."""

    async def on_call(self, call: Call) -> None:
        """Note the first callback of an interaction, as soon as it has been read."""
        _, _, kind, name, *_ = f"/{call.path}/".split("/")
        if kind == "interactions" and int(name) not in self.seen:
            self.seen[int(name)], self.computed = time.perf_counter(), time.process_time()

    async def press(self, user: Json, prompt: str) -> None:
        """One more /imagine."""
        self.sent.append(time.perf_counter())
        self.pressed.append(await self.discord.press(COMMAND, slash(1, "imagine", {"prompt": prompt}), user))

    def waits(self) -> list[float]:
        """Milliseconds from dispatch to callback, in order; those without one are left out."""
        return sorted(
            1000 * (self.seen[pressed.id] - sent)
            for pressed, sent in zip(self.pressed, self.sent, strict=True)
            if pressed.id in self.seen
        )

    def judge(self, data_dir: Path) -> list[Verdict]:
        """What became of each command so far."""
        asks = [Asking(0, "", pressed=pressed).as_ask(0.0) for pressed in self.pressed]
        messages = self.discord.messages
        shown = [Shown.of(message) for message in messages.everywhere()]
        shown += [Shown.of(message, deleted=True) for message in messages.deleted.values()]
        return judge(asks, read_rows(data_dir), shown)


@asynccontextmanager
async def started(discord: LoopbackDiscord, folder: Path, queue_limit: int) -> AsyncIterator[Path]:
    """The bot, connected, on a data directory of its own; nobody's settings reach it."""
    data_dir, log = folder / "data", (folder / "bot.log").open("ab")
    own = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.front_bot", discord.url, str(data_dir)),
        *("--queue-limit", str(queue_limit)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=folder,
        env={**own, "PYTHONPATH": str(ROOT)},
    )
    bot = BotProcess(process, log)
    try:
        async with asyncio.timeout(START_SECONDS):
            await discord.gateway.ready.wait()
        yield data_dir
    finally:
        await bot.stop()


async def measure(folder: Path, commands: int, queue_limit: int) -> dict[str, float]:
    """One front, to the end of everything that it asked for."""
    async with LoopbackDiscord() as discord:
        users = [discord.people.user(FIRST_USER_ID + n, f"user{n}") for n in range(commands)]
        async with started(discord, folder, queue_limit) as data_dir:
            # The first of all commands finds a bot that has never answered any: that is not in question.
            await discord.send_slash("imagine", prompt="a first apple", user_id=FIRST_USER_ID - 1)
            await until(lambda: _silence(discord) > QUIET, START_SECONDS)
            front = Front(discord)
            discord.on_call = front.on_call
            begun, computed = time.perf_counter(), time.process_time()
            for number, user in enumerate(users):
                await front.press(user, f"a red apple, number {number}")
            verdicts = await _ends(front, data_dir)
    return {
        **_waits(front.waits()),
        **_ends_of(verdicts),
        "commands": commands,
        "driver_share": round((front.computed - computed) / (max(front.seen.values()) - begun), 2),
    }


async def _ends(front: Front, data_dir: Path) -> list[Verdict]:
    """The verdicts, once all commands have their end or nothing more comes."""
    deadline = time.monotonic() + LONGEST_END
    while True:
        await until(lambda: _silence(front.discord) > QUIET, deadline - time.monotonic())
        verdicts = _asked(front.judge(data_dir))
        settled = not any(verdict.outcome.is_wrong for verdict in verdicts)
        if settled or _silence(front.discord) > IDLE or time.monotonic() > deadline:
            return verdicts
        await asyncio.sleep(QUIET)


def _silence(discord: LoopbackDiscord) -> float:
    return time.time() - max(call.at for call in discord.calls[-2:])


def _asked(verdicts: list[Verdict]) -> list[Verdict]:
    """Those of commands: the one before the front left a job as well."""
    return [verdict for verdict in verdicts if verdict.ask is not None]


def _waits(waits: list[float]) -> dict[str, float]:
    return {
        "ack_p50_ms": round(waits[len(waits) // 2], 1),
        "ack_p99_ms": round(waits[int(len(waits) * 0.99)], 1),
        "ack_max_ms": round(waits[-1], 1),
    }


def _ends_of(verdicts: list[Verdict]) -> dict[str, float]:
    ends = Counter(_end_of(verdict) for verdict in verdicts)
    return {"accepted": ends["accepted"], "refused": ends["refused"], "lost": ends["lost"]}


def _end_of(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.DELIVERED and verdict.row is not None:
        return "accepted"
    told = any(message.private and message.text.startswith(FULL) for message in verdict.messages)
    return "refused" if verdict.outcome is Outcome.FAILED and verdict.row is None and told else "lost"


async def measure_both(commands: int) -> dict[str, float]:
    """With room for all, and with the default limit."""
    figures: dict[str, float] = {}
    for prefix, limit in (("", commands), ("full_", DEFAULT_LIMIT)):
        with tempfile.TemporaryDirectory() as folder:
            found = await measure(Path(folder), commands, limit)
        figures |= {f"{prefix}{key}": value for key, value in found.items()}
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    arguments = parser.parse_args()
    figures = asyncio.run(measure_both(arguments.commands))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:>20} {value}")


if __name__ == "__main__":
    main()
