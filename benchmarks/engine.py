"""The step engine against what bots do today, in one run, with the same requests and seeds.

    python -m benchmarks.engine --json

Sixteen users ask at once (`benchmarks/trace.py`). Sides: stock diffusers pipelines one request after
another (`serial`); a light pipeline per request with its own scheduler, over one set of weights, in four
threads, as diffusers' serving example does it (`threads`); our `pipeline_engine`; our `step_engine`.

`forwards_ratio_vs_serial` counts forwards of the UNet with sixteen rows allowed; all else is at the knee
that was measured at warm-up. `row_fill` is mean rows per forward over the knee, while somebody had to wait.
`short_p95_ratio_vs_fifo` and `long_mean_ratio_vs_fifo`: 8-step remixes that come, one a second, behind so
many guided pictures of 50 steps that twice as many rows wait as pay; latencies over those of the same
engine when it serves first come first served (`ageing` without limit). `tick_overhead_ms` is a tick without
its forward, scheduler steps, decode and encoding; `scheduler_ms` a tick's scheduler steps. `p99_ms` is how
late the event loop was, of all its wake-ups, one every 5 ms, while the engine ran. Each side's time is the
better of two. `peak_memory_ratio_vs_two_pipelines`: growth of the peak
memory over the imports', in processes of their own: the step engine with the whole trace, against two
pipelines loaded apart, with one picture each.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image
from PIL import Image

from benchmarks.trace import long_ones, mixed, short_ones
from bot.core.catalog import Catalog, ModelSpec
from bot.core.jobs import Picture, Render
from bot.core.recipe import Recipe, plan
from bot.core.requests import ImagineRequest
from bot.core.strength import steps_run
from bot.engine.folders import local_folder
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from bot.engine.step_engine import StepEngine
from bot.settings import Settings
from bot.wiring import load_catalog

THREADS: Final = 4
ROUNDS: Final = 2
LEAST_LONG: Final = 6
SHORT: Final = 6
SHORT_EVERY: Final = 1.0
"""Seconds between two of the short ones."""
FIRST_COME: Final = 1e9
TICK: Final = 0.005
KIB: Final = 1024


def quiet(step: int, steps: int) -> None:
    """Nobody watches."""


class Stock:
    """Stock pipelines over one set of weights, each request with a scheduler of its own."""

    def __init__(self, spec: ModelSpec, device: str) -> None:
        source = str(local_folder(spec.source) or spec.source)
        self._imagine = AutoPipelineForText2Image.from_pretrained(source).to(device)
        self._remix = AutoPipelineForImage2Image.from_pipe(self._imagine)

    def make(self, recipe: Recipe, source: Picture) -> Any:
        """One picture, by a light copy of its pipeline, so that threads share no state."""
        shared = self._remix if recipe.is_remix else self._imagine
        pipeline = type(shared)(**shared.components, requires_safety_checker=False)
        pipeline.scheduler = type(shared.scheduler).from_config(shared.scheduler.config)
        pipeline.set_progress_bar_config(disable=True)
        kind: dict[str, Any] = {"width": recipe.width, "height": recipe.height}
        if recipe.is_remix:
            image = Image.frombytes("RGB", (source.width, source.height), source.rgb)
            kind = {"image": image, "strength": recipe.strength}
        return pipeline(
            recipe.given_prompt,
            num_inference_steps=recipe.num_inference_steps,
            guidance_scale=recipe.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(recipe.seed),
            **kind,
        ).images[0]


class Lag:
    """How late the event loop wakes up, in milliseconds."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self._late.append((time.perf_counter() - due) * 1000)

    def stop(self) -> float:
        """The 99th percentile."""
        self._task.cancel()
        return statistics.quantiles(self._late, n=100)[98]


async def pipelines(catalog: Catalog, device: str) -> PipelineEngine:
    """Our engine over stock pipelines, warm."""
    engine = PipelineEngine(Host(catalog, EngineOptions(device=device)))
    await engine.load(catalog.default)
    return engine


async def steps(catalog: Catalog, device: str, **options: Any) -> StepEngine:
    """The step engine, warm."""
    engine = StepEngine(Host(catalog, EngineOptions(device=device, **options)))
    await engine.load(catalog.default)
    return engine


async def all_at_once(
    engine: PipelineEngine | StepEngine, recipes: Sequence[Recipe], source: Picture
) -> list[Render]:
    """The pictures of sixteen users who do not wait for each other."""
    made = (engine.generate(recipe, source if recipe.is_remix else None, quiet) for recipe in recipes)
    return await asyncio.gather(*made)


def timed(work: Callable[[], object]) -> float:
    """Seconds of `work`."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def serial_forwards(recipes: Sequence[Recipe]) -> int:
    """Forwards that stock pipelines make of these requests, one after another: one a step."""
    return sum(
        steps_run(recipe.num_inference_steps, 1.0 if recipe.strength is None else recipe.strength)
        for recipe in recipes
    )


async def at_the_knee(
    catalog: Catalog, recipes: list[Recipe], source: Picture, device: str
) -> dict[str, float]:
    """The step engine as it runs by itself, and what it says of itself."""
    engine = await steps(catalog, device)
    [knee] = (await engine.report()).batches.values()
    lag = Lag()
    begun = time.perf_counter()
    await all_at_once(engine, recipes, source)
    seconds = time.perf_counter() - begun
    p99 = lag.stop()
    await engine.close()
    tally, spent = engine.tally, engine.tally.seconds
    parts = sum(spent[part] for part in ("begin", "forward", "scheduler", "decode", "preview"))
    return {
        "seconds": seconds,
        "knee": knee,
        "row_fill": tally.backlog_rows / max(1, tally.backlog_forwards) / knee,
        "tick_overhead_ms": (spent["tick"] - parts) / tally.ticks * 1000,
        "scheduler_ms": spent["scheduler"] / tally.ticks * 1000,
        "p99_ms": p99,
    }


async def forwards_at_16(catalog: Catalog, recipes: list[Recipe], source: Picture, device: str) -> int:
    """Forwards that the step engine makes of them with sixteen rows allowed."""
    engine = await steps(catalog, device, fixed_rows=16)
    await all_at_once(engine, recipes, source)
    await engine.close()
    return engine.tally.forwards


async def latencies(
    catalog: Catalog, source: Picture, device: str, knee: int, ageing: float
) -> tuple[float, float]:
    """(95th percentile of the short ones, mean of the long ones), seconds from asking to having."""
    engine = await steps(catalog, device, ageing=ageing, fixed_rows=knee)
    spec = catalog.get()

    async def one(recipe: Recipe, after: float) -> float:
        await asyncio.sleep(after)
        begun = time.perf_counter()
        await engine.generate(recipe, source if recipe.is_remix else None, quiet)
        return time.perf_counter() - begun

    long = [one(recipe, 0.0) for recipe in long_ones(spec, max(LEAST_LONG, knee))]
    comes = [0.5 + SHORT_EVERY * number for number in range(SHORT)]
    short = [one(recipe, after) for recipe, after in zip(short_ones(spec, source, SHORT), comes, strict=True)]
    waited = await asyncio.gather(*long, *short)
    await engine.close()
    return statistics.quantiles(waited[len(long) :], n=20)[18], statistics.mean(waited[: len(long)])


async def measure(catalog: Catalog, device: str) -> dict[str, float]:
    """All figures."""
    spec = catalog.get()
    engine = await pipelines(catalog, device)
    first = plan(ImagineRequest(prompt="a pencil sketch of a house", seed=7), spec, 0)[0]
    source = (await engine.generate(first, None, quiet)).picture
    recipes = mixed(spec, source)
    stock = Stock(spec, device)
    stock.make(recipes[0], source)

    def serial() -> None:
        for recipe in recipes:
            stock.make(recipe, source)

    def threads() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda recipe: stock.make(recipe, source), recipes))

    seconds: dict[str, list[float]] = {"serial": [], "threads": [], "pipelines": [], "steps": []}
    for _ in range(ROUNDS):  # in turns, so that a slow minute of the machine hits all sides
        seconds["serial"].append(timed(serial))
        seconds["threads"].append(timed(threads))
        begun = time.perf_counter()
        await all_at_once(engine, recipes, source)
        seconds["pipelines"].append(time.perf_counter() - begun)
        step = await at_the_knee(catalog, recipes, source, device)
        seconds["steps"].append(step.pop("seconds"))
    await engine.close()
    best = {side: min(times) for side, times in seconds.items()}
    short, long = await latencies(catalog, source, device, int(step["knee"]), EngineOptions().ageing)
    short_fifo, long_fifo = await latencies(catalog, source, device, int(step["knee"]), FIRST_COME)
    return {
        "images_per_s": len(recipes) / best["steps"],
        "images_per_s_ratio_vs_serial": best["serial"] / best["steps"],
        "images_per_s_ratio_vs_threads": best["threads"] / best["steps"],
        "images_per_s_ratio_vs_pipeline_engine": best["pipelines"] / best["steps"],
        "forwards_ratio_vs_serial": await forwards_at_16(catalog, recipes, source, device)
        / serial_forwards(recipes),
        "short_p95_ratio_vs_fifo": short / short_fifo,
        "long_mean_ratio_vs_fifo": long / long_fifo,
        "peak_memory_ratio_vs_two_pipelines": memory_of("engine") / memory_of("pipelines"),
        **step,
    }


# Memory, each side in a process of its own.


def memory_of(side: str) -> int:
    """Bytes by which the peak of a new process rises while `side` works there."""
    command = [sys.executable, "-m", "benchmarks.engine", "--memory", side]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - ours


def peak() -> int:
    """Most bytes so far: of the device, or of the process where that is the CPU."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    # Not getrusage: a new process inherits its parent's peak.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return int(status["VmHWM"].split()[0]) * KIB


def growth(side: str, catalog: Catalog, device: str) -> int:
    """Bytes by which the peak rises while `side` works here."""
    before = peak()
    spec = catalog.get()
    source = Picture(spec.width, spec.height, bytes(spec.width * spec.height * 3))
    recipes = mixed(spec, source)
    if side == "pipelines":
        apart = [Stock(spec, device), Stock(spec, device)]
        for stock, recipe in zip(apart, recipes, strict=False):
            stock.make(recipe, source)
        return peak() - before

    async def work() -> None:
        engine = await steps(catalog, device)
        await all_at_once(engine, recipes, source)
        await engine.close()

    asyncio.run(work())
    return peak() - before


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--memory", choices=("engine", "pipelines"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    catalog = load_catalog(Settings())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.memory:
        print(growth(options.memory, catalog, device))
        return
    figures = {name: round(value, 3) for name, value in asyncio.run(measure(catalog, device)).items()}
    print(json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
