"""A device thread that hangs is given up: what both engines promise of `restart`."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline

from bot.core.errors import DeviceLostError, EngineClosedError, EngineStalledError
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.step_engine import StepEngine
from tests.engine.conftest import AnyEngine, Before, MakeEngine
from tests.engine.examples import a_catalog, a_recipe, a_spec, even_clock, ignore

PATIENCE = 30
PROMPTLY = 5
"""Seconds, on a busy machine."""


class Hang:
    """Called on the device's thread, it comes back at once but for one call, which waits to be let go."""

    def __init__(self, at_call: int = 1) -> None:
        self._loop = asyncio.get_running_loop()
        self._at_call = at_call
        self._calls = 0
        self.reached = asyncio.Event()
        self.go_on = threading.Event()
        self.thread: threading.Thread | None = None
        self.threads: list[threading.Thread] = []
        """That of each call."""

    def __call__(self, *_: Any) -> None:
        self._calls += 1
        self.threads.append(threading.current_thread())
        if self._calls == self._at_call:
            self.thread = threading.current_thread()
            self._loop.call_soon_threadsafe(self.reached.set)
            assert self.go_on.wait(PATIENCE)

    async def come_back(self) -> None:
        """Let it go, and wait until its thread has ended."""
        self.go_on.set()
        assert self.thread is not None
        await asyncio.to_thread(self.thread.join, PROMPTLY)
        assert not self.thread.is_alive()


@pytest.fixture
def hang(before_each_evaluation: Callable[[Before], None]) -> Iterator[Callable[..., Hang]]:
    """Makes an evaluation of the model hang, and lets it go in the end."""
    made: list[Hang] = []

    def install(at_call: int = 1) -> Hang:
        made.append(Hang(at_call))
        before_each_evaluation(made[-1])
        return made[-1]

    yield install
    for each in made:
        each.go_on.set()


async def begin(engine: AnyEngine, hang: Hang, count: int = 1, **changes: Any) -> list[asyncio.Task[Any]]:
    """Ask for pictures, and wait until the first of them hangs."""
    tasks = [
        asyncio.create_task(engine.generate(a_recipe(seed=seed, **changes), None, ignore))
        for seed in range(count)
    ]
    await hang.reached.wait()
    return tasks


async def test_what_is_made_and_what_waits_ends_and_what_comes_later_is_made(
    make_engine: MakeEngine, hang: Callable[..., Hang]
) -> None:
    engine = make_engine()
    await engine.load("tiny")
    stuck = hang()
    tasks = await begin(engine, stuck, count=3)

    await engine.restart(90.0)

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [repr(outcome) for outcome in outcomes] == ["EngineStalledError(seconds=90.0)"] * 3
    assert (await engine.report()).resident == ()
    assert (await engine.generate(a_recipe(), None, ignore)).steps_run == 4
    assert not stuck.go_on.is_set()
    assert stuck.threads[-1] is not stuck.thread


async def test_a_thread_that_comes_back_changes_nothing_and_ends(
    make_engine: MakeEngine, hang: Callable[..., Hang], decodes: list[int]
) -> None:
    engine = make_engine()
    expected = (await engine.generate(a_recipe(), None, ignore)).picture
    told: list[int] = []
    stuck = hang(at_call=2)
    task = asyncio.create_task(
        engine.generate(a_recipe(guidance_scale=1.0), None, lambda step, _: told.append(step))
    )
    await stuck.reached.wait()
    await engine.restart(90.0)
    with pytest.raises(EngineStalledError):
        await task
    decodes.clear()
    before = await engine.report()

    await stuck.come_back()
    await asyncio.sleep(0)

    assert told == [1]
    assert decodes == []
    assert await engine.report() == before
    assert (await engine.generate(a_recipe(), None, ignore)).picture == expected


async def test_close_waits_for_no_thread_that_was_given_up(
    make_engine: MakeEngine, hang: Callable[..., Hang]
) -> None:
    engine = make_engine()
    await engine.load("tiny")
    stuck = hang()
    tasks = await begin(engine, stuck)
    await engine.restart(90.0)

    await asyncio.wait_for(engine.close(), PROMPTLY)

    await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(EngineClosedError):
        await engine.generate(a_recipe(), None, ignore)


async def test_a_close_that_waits_for_a_thread_that_hangs_is_ended_by_it_and_nothing_starts(
    make_engine: MakeEngine, hang: Callable[..., Hang]
) -> None:
    engine = make_engine()
    await engine.load("tiny")
    stuck = hang()
    tasks = await begin(engine, stuck, count=2)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    assert not closing.done()

    await engine.restart(90.0)
    await asyncio.wait_for(closing, PROMPTLY)

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [EngineClosedError] * 2
    with pytest.raises(EngineClosedError):
        await engine.load("tiny")


async def test_a_picture_that_was_called_off_while_it_hung_is_called_off(
    make_engine: MakeEngine, hang: Callable[..., Hang]
) -> None:
    engine = make_engine()
    await engine.load("tiny")
    stuck = hang()
    [task] = await begin(engine, stuck)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()

    await engine.restart(90.0)

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_model_whose_loading_hangs_is_loaded_anew(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, stuck = make_engine(), Hang()
    stock = StableDiffusionPipeline.from_pretrained

    def load(*args: Any, **named: Any) -> Any:
        stuck()
        return stock(*args, **named)

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", load)
    loading = asyncio.create_task(engine.load("tiny"))
    await stuck.reached.wait()

    await engine.restart(90.0)

    with pytest.raises(EngineStalledError):
        await loading
    assert (await engine.load("tiny")).image_to_image
    await stuck.come_back()
    assert (await engine.report()).resident == ("tiny",)


async def test_an_idle_engine_can_be_started_anew(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.load("tiny")

    await engine.restart(90.0)

    assert (await engine.generate(a_recipe(), None, ignore)).steps_run == 4


async def test_on_cuda_the_device_is_lost(make_engine: MakeEngine, hang: Callable[..., Hang]) -> None:
    engine = make_engine()
    await engine.load("tiny")
    stuck = hang()
    tasks = await begin(engine, stuck, count=2)
    engine._host.device = "cuda:0"

    with pytest.raises(DeviceLostError, match="no progress for 90 s"):
        await engine.restart(90.0)

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DeviceLostError] * 2
    for ask in (engine.load("tiny"), engine.generate(a_recipe(), None, ignore)):
        with pytest.raises(DeviceLostError):
            await ask
    await asyncio.wait_for(engine.close(), PROMPTLY)
    engine._host.device = "cpu"


async def test_what_was_measured_is_kept_and_what_a_hung_forward_took_is_not(
    tiny: Path, hang: Callable[..., Hang]
) -> None:
    engine = StepEngine(Host(a_catalog(a_spec(source=tiny)), EngineOptions()), even_clock())
    await engine.load("tiny")
    known = engine.estimate(a_recipe())
    stuck = hang()  # while another size is measured
    [task] = await begin(engine, stuck, width=32)

    await engine.restart(90.0)
    await stuck.come_back()

    with pytest.raises(EngineStalledError):
        await task
    assert known is not None
    assert engine.estimate(a_recipe()) == known
    assert list((await engine.report()).batches) == ["tiny 64x64"]
    await engine.close()
