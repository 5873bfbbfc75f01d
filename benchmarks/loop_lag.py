"""Is the event loop ever blocked? A ticker on the bot's loop from the start of the process.

    python -m benchmarks.loop_lag --json

Every 10 ms it notes how late it is: through imports, opening the database, loading the model, the
warm-up, the connection to a simulated Discord, and ten generations with the real engine.

Keys: `p99_ms` over the whole run; `max_ms` after READY, when a late heartbeat would matter;
`max_before_ready_ms` for comparison; `ticks`; `generations`.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

PERIOD = 0.010
GENERATIONS = 10


class Ticker:
    """Notes by how many seconds each tick came late."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.ready_at = 0

    async def run(self) -> None:
        while True:
            due = time.perf_counter() + PERIOD
            await asyncio.sleep(PERIOD)
            self.late.append(max(0.0, time.perf_counter() - due))

    def ready(self) -> None:
        """From here on the bot is connected."""
        self.ready_at = len(self.late)


async def measure(folder: Path) -> dict[str, float]:
    """Start the bot as `atelier demo` does, and make ten pictures."""
    ticker = Ticker()
    ticking = asyncio.create_task(ticker.run())
    await asyncio.sleep(PERIOD)

    import simcord

    from bot.demo import demo_client
    from bot.running import warm_up
    from bot.settings import load_settings
    from bot.wiring import import_engine, open_services

    import_engine()
    settings = load_settings(data_dir=folder)
    async with open_services(settings, alone=True) as services:
        await warm_up(services)
        client = demo_client(settings, services)
        async with simcord.run(client, shard_count=1, settle_timeout=600.0) as env:
            guild = env.create_guild()
            channel = guild.create_text_channel("bench")
            member = guild.add_member(env.create_user("ada"))
            ticker.ready()
            for number in range(GENERATIONS):
                result = await member.slash(channel, "imagine", prompt=f"an apple {number}", seed=number)
                assert result.response is not None
            await asyncio.sleep(PERIOD)
        made = await services.gallery.page(member.id)
    ticking.cancel()
    assert len(made.generations) == min(GENERATIONS, 5), "the pictures were not made"
    whole = sorted(ticker.late)
    return {
        "p99_ms": round(1000 * whole[int(len(whole) * 0.99)], 1),
        "max_ms": round(1000 * max(ticker.late[ticker.ready_at :]), 1),
        "max_before_ready_ms": round(1000 * max(ticker.late[: ticker.ready_at]), 1),
        "ticks": len(whole),
        "generations": GENERATIONS,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder)))
    if arguments.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:>22} {value}")


if __name__ == "__main__":
    main()
