"""What both engines promise: the contract of the `Engine` port."""

import asyncio
import gc
import threading
import traceback
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from bot.core.catalog import Capabilities
from bot.core.errors import (
    DeviceMemoryError,
    EngineClosedError,
    GenerationError,
    ModelUnavailableError,
    UnknownModelError,
)
from bot.core.ports import DeviceReport, Engine
from bot.core.recipe import Recipe
from tests.engine.conftest import AnyEngine, Before, MakeEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, ignore, pixels

PATIENCE = 30
"""Seconds until a test that hangs gives up."""

# Diffusers' schedulers hand torch tensors to NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_it_is_an_engine(engine: AnyEngine) -> None:
    port: Engine = engine

    assert port is engine


# Loading


async def test_load_says_what_the_model_can_do(engine: AnyEngine) -> None:
    assert await engine.load("Tiny") == Capabilities()


async def test_a_model_that_is_not_in_the_catalogue_is_unknown(engine: AnyEngine) -> None:
    with pytest.raises(UnknownModelError):
        await engine.load("huge")
    with pytest.raises(UnknownModelError):
        await engine.generate(a_recipe(model="huge"), None, ignore)


async def test_a_model_that_cannot_be_loaded_says_why(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine(a_catalog(a_spec(source=tmp_path)))

    with pytest.raises(ModelUnavailableError) as caught:
        await engine.generate(a_recipe(), None, ignore)

    assert caught.value.reason == "not_found"
    assert (await engine.report()).resident == ()


async def test_an_unknown_scheduler_in_the_catalogue_shows_while_loading(
    make_engine: MakeEngine, tiny: Path
) -> None:
    engine = make_engine(a_catalog(a_spec(source=tiny, scheduler="MagicScheduler")))

    with pytest.raises(ModelUnavailableError) as caught:
        await engine.load("tiny")

    assert caught.value.reason == "damaged"
    assert "MagicScheduler" in caught.value.detail


async def test_a_model_that_fails_its_warm_up_is_damaged(
    make_engine: MakeEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    def fail(_latents: Any) -> None:
        raise ValueError("wrong shape")

    before_each_evaluation(fail)

    with pytest.raises(ModelUnavailableError, match="wrong shape"):
        await make_engine().load("tiny")


async def test_a_model_that_runs_out_of_memory_while_warming_up_does_not_fit(
    make_engine: MakeEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    def fill(_latents: Any) -> None:
        raise torch.OutOfMemoryError

    before_each_evaluation(fill)

    with pytest.raises(DeviceMemoryError):
        await make_engine().load("tiny")


async def test_the_report_names_the_device_and_the_least_recently_used_model_first(
    make_engine: MakeEngine, tiny: Path
) -> None:
    catalog = a_catalog(*(a_spec(name, tiny) for name in "abc"))
    engine = make_engine(catalog, max_resident=2, dtype="bfloat16")

    for name in ("a", "b", "c", "b"):
        await engine.load(name)

    assert replace(await engine.report(), batches={}) == DeviceReport("cpu", "bfloat16", ("c", "b"), 0)


# Making pictures


async def test_a_render_tells_all_about_itself(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(), None, ignore)

    assert made.recipe == a_recipe(scheduler="DDIMScheduler")
    assert made.steps_run == 4
    assert made.seconds > 0
    assert (made.versions["device"], made.versions["dtype"]) == ("cpu", "float32")
    assert made.prompt_cut == ""


async def test_the_render_s_revision_is_the_model_s_whatever_the_recipe_says(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(revision="another"), None, ignore)

    assert made.recipe.revision is None


async def test_the_end_of_a_prompt_that_is_too_long_is_named(engine: AnyEngine) -> None:
    made = await engine.generate(a_recipe(prompt="x" * 254 + " and a dog"), None, ignore)

    assert made.prompt_cut == "and a dog"


async def test_what_is_drawn_and_cut_is_what_the_model_is_given(engine: AnyEngine) -> None:
    plain = await engine.generate(a_recipe(prompt="a neon cat"), None, ignore)

    given = await engine.generate(a_recipe(prompt="x" * 300, model_prompt="a neon cat"), None, ignore)

    assert (given.picture, given.prompt_cut) == (plain.picture, "")
    assert (given.recipe.prompt, given.recipe.model_prompt) == ("x" * 300, "a neon cat")


async def test_prompts_stay_out_of_the_log(engine: AnyEngine, capfd: pytest.CaptureFixture[str]) -> None:
    await engine.generate(a_recipe(prompt="secret " * 100), None, ignore)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "EulerDiscreteScheduler"),
        ({"scheduler": "UniPCMultistepScheduler"}, "UniPCMultistepScheduler"),
    ],
)
async def test_the_recipe_s_scheduler_wins_over_the_catalogue_s(
    make_engine: MakeEngine, tiny: Path, changes: dict[str, str], name: str
) -> None:
    engine = make_engine(a_catalog(a_spec(source=tiny, scheduler="EulerDiscreteScheduler")))

    made = await engine.generate(a_recipe(**changes), None, ignore)

    assert made.recipe.scheduler == name


async def test_an_unknown_scheduler_in_a_recipe_fails_that_picture_only(engine: AnyEngine) -> None:
    with pytest.raises(GenerationError, match="MagicScheduler"):
        await engine.generate(a_recipe(scheduler="MagicScheduler"), None, ignore)

    assert (await engine.generate(a_recipe(), None, ignore)).steps_run == 4


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"num_inference_steps": 3}, 3),
        ({"num_inference_steps": 10, "strength": 0.35}, 3),
        ({"num_inference_steps": 3, "scheduler": "HeunDiscreteScheduler"}, 3),
        ({"num_inference_steps": 10, "strength": 0.35, "scheduler": "HeunDiscreteScheduler"}, 3),
        ({"num_inference_steps": 4, "scheduler": "PNDMScheduler"}, 4),
        ({"num_inference_steps": 6, "strength": 0.5, "scheduler": "LCMScheduler"}, 3),
    ],
)
async def test_steps_are_told_on_the_loop_as_they_are_run(
    engine: AnyEngine, changes: dict[str, Any], steps: int
) -> None:
    recipe, told = a_recipe(**changes), []

    def on_step(step: int, of: int) -> None:
        told.append((step, of, threading.get_ident()))

    made = await engine.generate(recipe, a_picture() if recipe.is_remix else None, on_step)

    assert told == [(step, steps, threading.get_ident()) for step in range(1, steps + 1)]
    assert made.steps_run == steps


@pytest.mark.parametrize(
    ("recipe", "source"),
    [
        (a_recipe(strength=0.5), None),
        (a_recipe(), a_picture()),
        (a_recipe(strength=0.5), a_picture(64, 72)),
    ],
)
async def test_a_source_that_does_not_belong_to_the_recipe_is_a_programming_error(
    engine: AnyEngine, recipe: Recipe, source: Any
) -> None:
    with pytest.raises(ValueError, match="source"):
        await engine.generate(recipe, source, ignore)


async def test_the_event_loop_goes_on_while_a_picture_is_made(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    await engine.load("tiny")
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def wait(_latents: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(PATIENCE)

    before_each_evaluation(wait)
    task = asyncio.create_task(engine.generate(a_recipe(), None, ignore))
    await begun.wait()
    go_on.set()

    assert (await task).steps_run == 4


# Failing


async def test_a_failure_carries_its_cause_and_the_next_picture_is_made(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await engine.generate(a_recipe(), None, ignore)

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(AutoencoderKL, "decode", fail)
        with pytest.raises(GenerationError) as caught:
            await engine.generate(a_recipe(), None, ignore)

    assert (caught.value.model, caught.value.detail) == ("tiny", "KeyError: 'lost'")
    assert isinstance(caught.value.__cause__, KeyError)
    assert (await engine.generate(a_recipe(), None, ignore)).picture == expected.picture


async def test_a_failed_load_holds_no_weights(
    make_engine: MakeEngine, before_each_evaluation: Callable[[Before], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights: list[weakref.ref[Any]] = []
    place = StableDiffusionPipeline.to

    def remember(pipeline: Any, device: str) -> Any:
        weights.append(weakref.ref(pipeline.unet.conv_in.weight))
        return place(pipeline, device)

    def fail(_latents: Any) -> None:
        raise ValueError("wrong shape")

    monkeypatch.setattr(StableDiffusionPipeline, "to", remember)
    before_each_evaluation(fail)

    with pytest.raises(ModelUnavailableError) as caught:
        await make_engine().load("tiny")

    gc.collect()  # pipelines refer to themselves
    assert weights[0]() is None
    assert caught.value.reason == "damaged"


async def test_a_failure_holds_no_tensors(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    await engine.load("tiny")
    latents: list[weakref.ref[Any]] = []

    def fail(sample: Any) -> None:
        latents.append(weakref.ref(sample))
        raise ValueError("wrong shape")

    before_each_evaluation(fail)
    with pytest.raises(GenerationError) as caught:
        await engine.generate(a_recipe(), None, ignore)

    assert latents[0]() is None
    assert "in fail" in "".join(traceback.format_exception(caught.value))


async def test_a_picture_that_is_not_a_number_is_a_failure(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.load("tiny")
    monkeypatch.setattr(AutoencoderKL, "decode", lambda *_, **__: (torch.full((1, 3, 64, 64), torch.nan),))

    with pytest.raises(GenerationError, match="not a number"):
        await engine.generate(a_recipe(), None, ignore)


async def test_a_pipeline_that_makes_something_else_than_pictures_is_a_failure(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.load("tiny")
    monkeypatch.setattr(AutoencoderKL, "decode", lambda *_, **__: (torch.zeros(1, 1, 64, 64),))

    with pytest.raises(GenerationError, match="no RGB picture"):
        await engine.generate(a_recipe(), None, ignore)


# Running out of memory


class FullDevice:
    """Has room for latents up to so many places; remembers the sizes that were tried."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[tuple[int, int]] = []
        self.kept: list[weakref.ref[Any]] = []

    def __call__(self, latents: Any) -> None:
        size = tuple(latents.shape[2:])
        if size not in self.tried:
            self.tried.append(size)
        assert all(tensor() is None for tensor in self.kept), "the first try's tensors are still there"
        if size[0] * size[1] > self.room:
            self.kept.append(weakref.ref(latents))
            raise torch.OutOfMemoryError("CUDA out of memory")


async def test_when_memory_runs_out_a_smaller_picture_is_made_and_says_so(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    await engine.load("tiny")
    device = FullDevice(room=30 * 30)
    before_each_evaluation(device)

    made = await engine.generate(a_recipe(), None, ignore)

    assert device.tried == [(32, 32), (24, 24)]
    assert (made.picture.width, made.picture.height) == (made.recipe.width, made.recipe.height) == (48, 48)


async def test_the_smaller_picture_is_the_one_that_its_recipe_makes(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.load("tiny")
    before_each_evaluation(FullDevice(room=30 * 30))
    shrunk = await engine.generate(a_recipe(), None, ignore)
    monkeypatch.undo()

    again = await engine.generate(shrunk.recipe, None, ignore)

    assert again.picture == shrunk.picture


async def test_a_smaller_remix_starts_from_the_smaller_source(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    await engine.load("tiny")
    before_each_evaluation(FullDevice(room=30 * 30))

    made = await engine.generate(a_recipe(strength=0.25), a_picture(), ignore)

    assert (made.picture.width, made.picture.height) == (48, 48)
    assert abs(pixels(made.picture) - pixels(a_picture(48, 48))).mean() < 30


async def test_after_a_second_time_without_memory_the_next_picture_is_made(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.load("tiny")
    device = FullDevice(room=0)
    before_each_evaluation(device)

    with pytest.raises(DeviceMemoryError) as caught:
        await engine.generate(a_recipe(width=96, height=64), None, ignore)

    assert (caught.value.width, caught.value.height) == (72, 48)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert len(device.tried) == 2
    monkeypatch.undo()
    assert (await engine.generate(a_recipe(), None, ignore)).steps_run == 4


async def test_the_smaller_size_stays_within_the_model_s_limits(
    make_engine: MakeEngine, tiny: Path, before_each_evaluation: Callable[[Before], None]
) -> None:
    engine = make_engine(a_catalog(a_spec(source=tiny, min_side=56, multiple_of=8)))
    await engine.load("tiny")
    device = FullDevice(room=32 * 40)
    before_each_evaluation(device)

    made = await engine.generate(a_recipe(width=64, height=104), None, ignore)

    assert (made.picture.width, made.picture.height) == (56, 72)


async def test_the_smallest_picture_is_not_tried_again(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    await engine.load("tiny")
    device = FullDevice(room=0)
    before_each_evaluation(device)

    with pytest.raises(DeviceMemoryError):
        await engine.generate(a_recipe(width=32, height=32), None, ignore)

    assert device.tried == [(16, 16)]


async def test_other_models_make_room_before_the_second_try(
    make_engine: MakeEngine, tiny: Path, before_each_evaluation: Callable[[Before], None]
) -> None:
    engine = make_engine(a_catalog(a_spec("a", tiny), a_spec("b", tiny)), max_resident=2)
    await engine.load("a")
    await engine.load("b")
    before_each_evaluation(FullDevice(room=30 * 30))

    await engine.generate(a_recipe(model="b"), None, ignore)

    assert (await engine.report()).resident == ("b",)


# Cancelling and closing


class SecondStep:
    """Holds the device in the second step until it is let go."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._evaluations = 0
        self.reached = asyncio.Event()
        self.go_on = threading.Event()

    def __call__(self, _latents: Any) -> None:
        self._evaluations += 1
        if self._evaluations == 2:
            self._loop.call_soon_threadsafe(self.reached.set)
            assert self.go_on.wait(PATIENCE)


async def test_cancel_stops_after_the_running_step_and_skips_the_decode(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None], decodes: list[int]
) -> None:
    await engine.load("tiny")
    decodes.clear()
    second, told = SecondStep(), []
    before_each_evaluation(second)
    task = asyncio.create_task(
        engine.generate(a_recipe(guidance_scale=1.0), None, lambda step, _steps: told.append(step))
    )
    await second.reached.wait()

    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    second.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert told == [1, 2]
    assert decodes == []


async def test_a_picture_after_a_cancelled_one_is_as_if_nothing_had_been(
    engine: AnyEngine, before_each_evaluation: Callable[[Before], None]
) -> None:
    recipe = a_recipe(scheduler="DPMSolverMultistepScheduler")
    expected = await engine.generate(recipe, None, ignore)
    second = SecondStep()
    before_each_evaluation(second)
    task = asyncio.create_task(engine.generate(recipe, None, ignore))
    await second.reached.wait()
    task.cancel()
    second.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await engine.generate(recipe, None, ignore)).picture == expected.picture


async def test_a_picture_that_is_cancelled_while_its_model_loads_runs_no_step(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, loop = make_engine(), asyncio.get_running_loop()
    begun, go_on, told = asyncio.Event(), threading.Event(), []
    stock = StableDiffusionPipeline.from_pretrained

    def load_slowly(*args: Any, **kwargs: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(PATIENCE)
        return stock(*args, **kwargs)

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", load_slowly)
    task = asyncio.create_task(engine.generate(a_recipe(), None, lambda *step: told.append(step)))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert told == []
    assert (await engine.report()).resident == ("tiny",)


async def test_close_stops_the_running_picture_and_frees_the_models(
    make_engine: MakeEngine, before_each_evaluation: Callable[[Before], None], decodes: list[int]
) -> None:
    engine = make_engine()
    await engine.load("tiny")
    decodes.clear()
    second = SecondStep()
    before_each_evaluation(second)
    running = asyncio.create_task(engine.generate(a_recipe(), None, ignore))
    await second.reached.wait()

    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    second.go_on.set()
    await closing

    with pytest.raises(EngineClosedError):
        await running
    assert decodes == []
    assert (await engine.report()).resident == ()


async def test_a_closed_engine_takes_no_work_and_closes_again_quietly(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.close()
    await engine.close()

    with pytest.raises(EngineClosedError):
        await engine.generate(a_recipe(), None, ignore)
    with pytest.raises(EngineClosedError):
        await engine.load("tiny")
