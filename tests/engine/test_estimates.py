"""How long a picture will take, from what was measured before it."""

from typing import Any

import pytest

from bot.engine.lanes import Lanes
from bot.engine.options import EngineOptions
from bot.engine.planner import Bucket
from tests.engine.conftest import AnyEngine
from tests.engine.examples import a_recipe, ignore
from tests.engine.fake_family import Bench, FakeFamily


@pytest.fixture
def bench() -> Bench:
    """A forward takes 8 ms and 2 ms a row, so that a row of eight takes 3 ms."""
    bench = Bench(FakeFamily(base_ms=8, row_ms=2))
    bench.batcher.prepare(Bucket("tiny", 64, 64), bench.family)
    return bench


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"guidance_scale": 1.0}, 10 * 3),
        ({"guidance_scale": 5.0}, 10 * 2 * 3),
        ({"guidance_scale": 1.0, "strength": 0.35}, 3 * 3),
        ({"guidance_scale": 5.0, "strength": 0.35}, 3 * 2 * 3),
    ],
)
def test_it_is_the_steps_that_run_times_their_rows(
    bench: Bench, changes: dict[str, Any], expected: float
) -> None:
    recipe = a_recipe(num_inference_steps=10, **changes)

    assert bench.batcher.lanes.estimate(recipe) == pytest.approx(expected)


def test_a_full_device_takes_so_long(bench: Bench) -> None:
    recipes = [a_recipe(guidance_scale=1.0, seed=seed) for seed in range(8)]
    expected = sum(bench.batcher.lanes.estimate(recipe) or 0 for recipe in recipes)
    for recipe in recipes:
        bench.add(recipe)
    begun = bench.family.now

    bench.tick(4)

    assert (bench.family.now - begun) * 1000 == pytest.approx(expected)


def test_nothing_is_known_of_a_model_that_was_not_measured(bench: Bench) -> None:
    assert bench.batcher.lanes.estimate(a_recipe(model="other")) is None


def test_another_size_is_told_from_the_nearest_in_proportion_to_its_pixels(bench: Bench) -> None:
    bench.family.row_ms = 12  # more than four do not pay: each takes 14 ms
    bench.batcher.prepare(Bucket("tiny", 128, 128), bench.family)
    plain = {"num_inference_steps": 1, "guidance_scale": 1.0}
    sizes = [(32, 32), (64, 80), (128, 160), (256, 128)]

    told = [bench.batcher.lanes.estimate(a_recipe(width=w, height=h, **plain)) for w, h in sizes]

    assert told == pytest.approx([3 / 4, 3 * 1.25, 14 * 1.25, 14 * 2])


def test_a_model_that_guidance_was_distilled_into_takes_one_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.family, "is_guided", lambda _scale: False)
    lanes = Lanes(EngineOptions(max_rows=8), bench.family.clock)
    lanes.get(Bucket("tiny", 64, 64), bench.family)

    assert lanes.estimate(a_recipe(num_inference_steps=1)) == pytest.approx(3)


def test_a_scheduler_that_evaluates_twice_a_step_is_known_from_its_first_picture_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = a_recipe(num_inference_steps=10, guidance_scale=1.0, scheduler="HeunDiscreteScheduler")
    first = bench.batcher.lanes.estimate(recipe)
    new_scheduler = bench.family.new_scheduler

    def of_second_order(name: str | None) -> Any:
        scheduler = new_scheduler(name)
        scheduler.order = 2
        return scheduler

    monkeypatch.setattr(bench.family, "new_scheduler", of_second_order)
    bench.add(recipe)

    assert (first, bench.batcher.lanes.estimate(recipe)) == pytest.approx((30, 60))
    assert bench.batcher.lanes.estimate(a_recipe(guidance_scale=1.0)) == pytest.approx(12)


def test_fewer_rows_for_want_of_memory_make_each_of_them_dearer(bench: Bench) -> None:
    bench.batcher.lanes.lower(Bucket("tiny", 64, 64), 1)

    assert bench.batcher.lanes.estimate(a_recipe(num_inference_steps=1, guidance_scale=1.0)) == pytest.approx(
        10
    )


async def test_an_engine_that_measures_knows_after_loading(engine: AnyEngine, kind: str) -> None:
    await engine.load("tiny")
    await engine.generate(a_recipe(), None, ignore)
    told = engine.estimate(a_recipe(num_inference_steps=8))

    if kind == "pipeline":
        assert told is None
    else:
        assert told is not None
        assert told > 0
