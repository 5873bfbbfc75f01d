"""What the step engine does besides what every engine promises."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from bot.core.errors import DeviceLostError, DeviceMemoryError, EngineClosedError, GenerationError
from bot.core.jobs import Picture
from bot.engine.compiled import Compiled
from bot.engine.families import find_family
from bot.engine.families.stable_diffusion import StableDiffusion
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.previews import fit_previews
from bot.engine.step_engine import StepEngine
from tests.engine import families
from tests.engine.conftest import Before
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, even_clock, ignore, pixels

PATIENCE = 30

# Diffusers' schedulers hand torch tensors to NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def step_engine(tiny: Path) -> Iterator[Callable[..., StepEngine]]:
    """Makes engines that let as many rows share a forward as there are."""
    made: list[StepEngine] = []

    def make(*names: str, **options: Any) -> StepEngine:
        catalog = a_catalog(*(a_spec(name, tiny) for name in names or ("tiny",)))
        made.append(StepEngine(Host(catalog, EngineOptions(**options)), even_clock()))
        return made[-1]

    yield make
    for engine in made:
        asyncio.run(engine.close())


async def test_users_who_ask_at_once_share_their_steps(step_engine: Callable[..., StepEngine]) -> None:
    engine = step_engine()
    await engine.load("tiny")
    before = engine.tally.forwards

    await asyncio.gather(*(engine.generate(a_recipe(seed=seed), None, ignore) for seed in range(8)))

    assert engine.tally.forwards - before <= 6  # of 4 steps each: the last may have come a tick later
    assert (await engine.report()).batches == {"tiny 64x64": 32}


async def test_a_picture_of_another_model_waits_until_there_is_room_and_nobody_starves(
    step_engine: Callable[..., StepEngine],
) -> None:
    engine = step_engine("a", "b", max_resident=1)
    order: list[str] = []

    async def one(model: str) -> None:
        await engine.generate(a_recipe(model=model, num_inference_steps=6), None, ignore)
        order.append(model)

    tasks = []
    for model in ("a", "a", "b", "a"):  # the last comes behind the one that waits for room
        tasks.append(asyncio.create_task(one(model)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    assert order == ["a", "a", "b", "a"]
    assert (await engine.report()).resident == ("a",)


async def test_a_model_that_does_not_fit_beside_what_is_being_made_is_tried_once_and_waits(
    step_engine: Callable[..., StepEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = step_engine("a", "b", max_resident=2)
    await engine.load("a")
    load, tried = engine._host.residents._load, []

    def load_when_alone(spec: Any) -> Any:
        tried.append(engine._shift.batcher.is_busy)
        if engine._shift.batcher.is_busy:
            raise DeviceMemoryError(spec.name, 64, 64)
        return load(spec)

    monkeypatch.setattr(engine._host.residents, "_load", load_when_alone)
    long = asyncio.create_task(engine.generate(a_recipe(model="a", num_inference_steps=40), None, ignore))
    await asyncio.sleep(0)
    other = asyncio.create_task(engine.generate(a_recipe(model="b"), None, ignore))
    await asyncio.gather(long, other)

    assert tried == [True, False]


async def test_an_order_behind_one_that_waits_for_room_can_be_called_off(
    step_engine: Callable[..., StepEngine],
) -> None:
    engine = step_engine("a", "b", max_resident=1)
    await engine.load("a")
    steps: list[int] = []
    long = asyncio.create_task(
        engine.generate(
            a_recipe(model="a", num_inference_steps=60), None, lambda step, _steps: steps.append(step)
        )
    )
    await asyncio.sleep(0)
    waits = asyncio.create_task(engine.generate(a_recipe(model="b"), None, ignore))
    behind = asyncio.create_task(engine.generate(a_recipe(model="a"), None, ignore))
    await asyncio.sleep(0)

    behind.cancel()
    with pytest.raises(asyncio.CancelledError):
        await behind

    assert not long.done()
    await asyncio.gather(long, waits)


async def test_close_makes_none_of_the_pictures_that_still_wait_for_a_pipeline(
    tiny: Path, tmp_path: Path
) -> None:
    other = families.save_pixart(tmp_path, tiny)
    engine = StepEngine(Host(a_catalog(a_spec("pixart", other)), EngineOptions()), even_clock())
    await engine.load("pixart")
    told = asyncio.Event()
    recipe = a_recipe(model="pixart", num_inference_steps=50)
    tasks = [
        asyncio.create_task(engine.generate(recipe, None, lambda _step, _steps: told.set())) for _ in range(3)
    ]
    await told.wait()
    await engine.close()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, EngineClosedError) for outcome in outcomes)


async def test_a_device_that_is_lost_while_a_model_loads_is_lost(
    step_engine: Callable[..., StepEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", poisoned)

    with pytest.raises(DeviceLostError):
        await step_engine().load("tiny")


async def test_a_fault_of_our_own_ends_what_is_being_made_and_no_more(
    step_engine: Callable[..., StepEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = step_engine()
    await engine.load("tiny")
    with monkeypatch.context() as patch:
        patch.setattr("bot.engine.batcher.choose", lambda *_: 1 / 0)
        with pytest.raises(GenerationError):
            await engine.generate(a_recipe(), None, ignore)

    assert (await engine.generate(a_recipe(), None, ignore)).steps_run == 4


async def test_a_model_without_a_family_is_run_by_its_pipeline_in_between(tiny: Path, tmp_path: Path) -> None:
    other = families.save_pixart(tmp_path, tiny)
    catalog = a_catalog(a_spec(source=tiny), a_spec("pixart", other))
    engine = StepEngine(Host(catalog, EngineOptions(max_resident=2)), even_clock())
    made = await asyncio.gather(
        engine.generate(a_recipe(), None, ignore),
        engine.generate(a_recipe(model="pixart", num_inference_steps=2), None, ignore),
        engine.generate(a_recipe(seed=8), None, ignore),
    )
    await engine.close()

    assert [render.steps_run for render in made] == [4, 2, 4]


async def test_close_ends_all_that_wait_or_are_being_made(
    step_engine: Callable[..., StepEngine], before_each_evaluation: Callable[[Before], None]
) -> None:
    engine, loop = step_engine(), asyncio.get_running_loop()
    await engine.load("tiny")
    reached, go_on = asyncio.Event(), threading.Event()

    def hold(_latents: Any) -> None:
        loop.call_soon_threadsafe(reached.set)
        assert go_on.wait(PATIENCE)

    before_each_evaluation(hold)
    tasks = [asyncio.create_task(engine.generate(a_recipe(seed=seed), None, ignore)) for seed in range(3)]
    await reached.wait()
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, EngineClosedError) for outcome in outcomes)


async def test_a_lost_device_ends_everything_and_says_so_ever_after(
    step_engine: Callable[..., StepEngine], before_each_evaluation: Callable[[Before], None]
) -> None:
    engine = step_engine()
    await engine.load("tiny")

    def poison(_latents: Any) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    before_each_evaluation(poison)
    outcomes = await asyncio.gather(
        *(engine.generate(a_recipe(seed=seed), None, ignore) for seed in range(2)), return_exceptions=True
    )

    assert all(isinstance(outcome, DeviceLostError) for outcome in outcomes)
    with pytest.raises(DeviceLostError, match="device-side assert"):
        await engine.generate(a_recipe(), None, ignore)
    await engine.close()


async def test_previews_show_the_picture_forming(step_engine: Callable[..., StepEngine]) -> None:
    engine = step_engine()
    await engine.load("tiny")
    shown: list[Picture] = []

    # The clock of this engine goes a millisecond a look: about a hundred steps to a second.
    made = await engine.generate(a_recipe(num_inference_steps=400), None, ignore, shown.append)

    assert shown
    last, final = pixels(shown[-1]), pixels(made.picture)
    assert last.shape == (256, 256, 3)
    assert abs(last[::4, ::4] - final).mean() < 40, "it does not look like what it became"


def test_the_map_of_previews_is_fitted_to_the_models_own_vae(tiny: Path) -> None:
    family = find_family(StableDiffusionPipeline.from_pretrained(tiny))
    assert family is not None
    with torch.no_grad():
        previews = fit_previews(family)
        encoded = family.encode_image(a_picture())
        shown = previews.picture(family.sample_latents(encoded, torch.Generator()))

    assert abs(pixels(shown)[::4, ::4] - pixels(a_picture())).mean() < 12


# Families


@pytest.mark.parametrize("change", ["image_encoder", "class"])
def test_a_pipeline_that_is_not_quite_the_stock_one_has_no_family(tiny: Path, change: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(tiny)
    if change == "class":
        pipeline.__class__ = type("StableDiffusionLookalikePipeline", (StableDiffusionPipeline,), {})
    else:
        pipeline.components["image_encoder"] = object()
        pipeline.image_encoder = object()

    assert find_family(pipeline) is None


def test_guidance_that_was_distilled_into_the_model_needs_no_second_row(tiny: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(tiny)
    pipeline.unet = UNet2DConditionModel.from_config(pipeline.unet.config, time_cond_proj_dim=8)
    family = StableDiffusion(pipeline)

    assert not family.is_guided(7.5)
    with torch.no_grad():
        family.warm_up(2, 64, 64)


# Compiling


class Recorder:
    """Stands for torch.compile: counts for which shapes its program is called."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, function: Callable[..., Any], **_options: Any) -> Callable[..., Any]:
        def program(first: torch.Tensor, *args: Any, **named: Any) -> Any:
            self.shapes.append(tuple(first.shape))
            return function(first, *args, **named)

        return program


class Doubler:
    def run(self, first: torch.Tensor) -> torch.Tensor:
        return first * 2


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(torch, "compile", recorder)
    return recorder


def test_only_shapes_that_were_warmed_up_run_compiled(recorder: Recorder) -> None:
    compiled = Compiled(Doubler(), "run", enabled=True)
    compiled(torch.ones(2, 4))
    with compiled.warming():
        compiled(torch.ones(4, 4))

    assert compiled(torch.ones(4, 4)).sum() == 32
    compiled(torch.ones(4, 8))

    assert recorder.shapes == [(4, 4), (4, 4)]


@pytest.mark.usefixtures("recorder")
def test_rows_are_filled_up_to_the_next_number_that_was_warmed_up() -> None:
    compiled = Compiled(Doubler(), "run", enabled=True)
    assert compiled.padded(3) == 3
    with compiled.warming():
        for rows in (1, 2, 4, 8):
            compiled(torch.ones(rows, 4))

    assert [compiled.padded(rows) for rows in (1, 3, 5, 8, 9)] == [1, 4, 8, 8, 9]


def test_nothing_is_compiled_where_it_is_not_wanted(recorder: Recorder) -> None:
    compiled = Compiled(Doubler(), "run", enabled=False)
    with compiled.warming():
        compiled(torch.ones(2, 2))

    assert recorder.shapes == []
    assert compiled.padded(3) == 3


def test_a_padded_forward_gives_the_rows_that_were_asked_for(tiny: Path, recorder: Recorder) -> None:
    family = StableDiffusion(StableDiffusionPipeline.from_pretrained(tiny), compiled=True)
    with torch.no_grad(), family.compiling():
        family.warm_up(4, 64, 64)
    recorder.shapes.clear()
    with torch.no_grad():
        made = family.predict([family._a_row(64, 64)] * 3)

    assert made.shape == (3, 4, 32, 32)
    assert recorder.shapes == [(4, 4, 32, 32)]


def test_the_decoder_is_compiled_for_as_many_pictures_as_are_decoded_at_once(
    tiny: Path, recorder: Recorder
) -> None:
    family = StableDiffusion(StableDiffusionPipeline.from_pretrained(tiny), compiled=True)
    with torch.no_grad(), family.compiling():
        family.warm_up(1, 64, 64)

    assert recorder.shapes == [(1, 4, 32, 32), (1, 4, 32, 32), (4, 4, 32, 32)]
