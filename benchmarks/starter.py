"""How large the starter is, and how long one of its pictures takes.

    python -m benchmarks.starter --json

`bytes` are those of all its files. `seconds_p50` is the median wall clock time of one picture at the
catalogue's settings, through the engine that the bot uses; `remix_seconds_p50` that of a remix at 0.6.
Torch takes as many threads as it finds cores (`threads`).
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import torch

from bot.core.catalog import ModelSpec
from bot.core.recipe import plan
from bot.core.requests import ImagineRequest, RemixRequest, Source
from bot.settings import Settings
from bot.wiring import device_engine, load_catalog

MODEL: Final = "starter"
FOLDER: Final = Path(__file__).resolve().parent.parent / "bot" / "models" / MODEL
PROMPT: Final = "a pencil sketch of a house"
OTHER: Final = "a neon house"


async def median(make: Callable[[int], Awaitable[object]], repeats: int) -> float:
    """Seconds of the middle one of `repeats` calls, each with a seed of its own."""
    seconds = []
    for seed in range(repeats):
        begun = time.perf_counter()
        await make(seed)
        seconds.append(time.perf_counter() - begun)
    return round(statistics.median(seconds), 3)


async def measure(spec: ModelSpec, repeats: int) -> dict[str, float]:
    """The figures, from one process."""
    settings = Settings()
    engine = device_engine(settings, load_catalog(settings))
    try:
        begun = time.perf_counter()
        await engine.load(spec.name)
        loaded = time.perf_counter() - begun
        recipe = plan(ImagineRequest(prompt=PROMPT), spec, 0)[0]
        first = (await engine.generate(recipe, None, _quiet)).picture
        source = Source(sha256="0" * 64, width=first.width, height=first.height)

        async def imagine(seed: int) -> object:
            return await engine.generate(plan(ImagineRequest(prompt=PROMPT), spec, seed)[0], None, _quiet)

        async def remix(seed: int) -> object:
            request = RemixRequest(prompt=OTHER, source=source, strength=0.6)
            return await engine.generate(plan(request, spec, seed)[0], first, _quiet)

        return {
            "bytes": sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()),
            "load_seconds": round(loaded, 3),
            "seconds_p50": await median(imagine, repeats),
            "remix_seconds_p50": await median(remix, repeats),
            "steps": spec.num_inference_steps,
            "threads": torch.get_num_threads(),
        }
    finally:
        await engine.close()


def _quiet(step: int, steps: int) -> None:
    """Nobody watches."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    catalog = load_catalog(Settings())
    figures = asyncio.run(measure(catalog.get(MODEL), options.repeats))
    print(json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
