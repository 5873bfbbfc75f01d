"""Step-level batching on a fake model and a virtual clock: who moves when, and what trouble does to whom."""

import gc
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.errors import DeviceLostError, DeviceMemoryError, GenerationError
from bot.core.jobs import Picture
from bot.engine.denoising import Denoising, Order
from bot.engine.families.family import Row
from bot.engine.planner import Bucket
from bot.engine.worker import Stopped
from tests.engine.fake_family import Bench, FakeFamily

HERE = Bucket("tiny", 64, 64)


def error_of(order: Order) -> Any:
    return order.outcome.exception(timeout=0)


def names(rows: Sequence[Row]) -> set[float]:
    return {row.guidance_scale for row in rows}


# Sharing


def test_pictures_of_different_lengths_share_their_forwards() -> None:
    bench = Bench()
    orders = [bench.add(num_inference_steps=steps) for steps in (4, 2, 3)]

    bench.run()

    assert bench.family.forwards == [3, 3, 2, 1]
    assert [order.outcome.result().steps_run for order in orders] == [4, 2, 3]


def test_one_that_comes_later_joins_at_the_next_step() -> None:
    bench = Bench()
    bench.add(num_inference_steps=4)
    bench.tick(2)
    bench.add(num_inference_steps=4)

    bench.run()

    assert bench.family.forwards == [1, 1, 2, 2, 1, 1]


def test_a_guided_picture_takes_two_rows_and_no_forward_is_fuller_than_pays() -> None:
    bench = Bench(max_rows=4)
    for _ in range(3):
        bench.add(guidance_scale=5.0, num_inference_steps=1)

    bench.run()

    assert bench.family.forwards == [4, 2]


def test_a_prompt_and_a_source_are_read_once_for_a_ladder() -> None:
    bench = Bench()
    for strength in (0.3, 0.5, 0.7):
        bench.add(strength=strength, source_sha256="f" * 64, num_inference_steps=10, guidance_scale=5.0)

    bench.run()

    assert bench.family.read.count("a red cat") == 1
    assert bench.family.read.count("not ") == 1
    assert bench.family.encoded == 1


def test_its_share_of_the_device_is_what_a_picture_is_told_to_have_cost() -> None:
    bench = Bench(FakeFamily(base_ms=10, row_ms=5))
    alone = bench.add(num_inference_steps=2)
    bench.run()
    orders = [bench.add(num_inference_steps=2), bench.add(num_inference_steps=2)]
    bench.run()

    assert alone.outcome.result().seconds == pytest.approx(0.031)
    assert orders[0].outcome.result().seconds == pytest.approx(0.021)


def test_a_short_picture_overtakes_long_ones_where_no_more_rows_pay() -> None:
    bench = Bench(max_rows=1)
    long = bench.add(num_inference_steps=50)
    bench.tick(3)
    short = bench.add(num_inference_steps=2)

    bench.tick(3)

    assert short.outcome.done()
    assert not long.outcome.done()


def test_finished_latents_are_decoded_before_the_next_step_first_come_first_served() -> None:
    bench = Bench()
    first = bench.add(num_inference_steps=1)
    second = bench.add(num_inference_steps=1)
    bench.add(num_inference_steps=9)

    bench.tick(2)

    assert (first.outcome.done(), second.outcome.done()) == (True, False)
    bench.tick()
    assert second.outcome.done()


# Cancelling


def test_cancel_takes_effect_within_one_tick_and_never_decodes() -> None:
    bench = Bench()
    order, other = bench.add(num_inference_steps=5), bench.add(num_inference_steps=5)
    bench.tick(2)
    order.stop.set()

    bench.tick()

    assert isinstance(error_of(order), Stopped)
    assert bench.family.forwards == [2, 2, 1]
    bench.run()
    assert other.outcome.result().steps_run == 5
    assert bench.family.decoded == 1


def test_a_picture_that_waits_for_its_decode_can_be_called_off() -> None:
    bench = Bench()
    order = bench.add(num_inference_steps=1)
    bench.tick()
    order.stop.set()

    bench.run()

    assert isinstance(error_of(order), Stopped)
    assert bench.family.decoded == 0


def test_one_that_was_called_off_before_its_first_step_reads_no_prompt() -> None:
    bench = Bench()
    bench.add().stop.set()

    bench.run()

    assert bench.family.read == []


# Running out of memory


def test_without_memory_the_step_is_run_by_halves_and_the_bucket_keeps_to_that() -> None:
    bench = Bench()
    orders = [bench.add(num_inference_steps=2) for _ in range(8)]
    bench.tick()
    bench.family.memory = 3

    bench.run()

    assert [order.outcome.result().steps_run for order in orders] == [2] * 8
    assert bench.family.forwards == [8, 2, 2, 2, 2]
    assert bench.batcher.lanes.cap(HERE) == 2


def test_a_single_row_without_memory_makes_room_then_starts_again_smaller() -> None:
    bench = Bench()
    order = bench.add(num_inference_steps=2)
    other = bench.add(num_inference_steps=2, width=32, height=32)

    def full(rows: Sequence[Row]) -> None:
        if rows[0].latents.shape[-1] == 2:  # of 64 pixels
            raise torch.OutOfMemoryError

    bench.family.fault = full
    bench.run()

    made = order.outcome.result()
    assert (made.recipe.width, made.recipe.height) == (48, 48)
    assert bench.rooms >= 1
    assert (other.outcome.result().recipe.width, other.outcome.result().steps_run) == (32, 2)


def test_a_picture_for_which_there_is_never_memory_fails_alone() -> None:
    bench = Bench()
    order = bench.add(num_inference_steps=2)
    bench.tick()
    bench.family.memory = 0

    bench.run()

    assert isinstance(error_of(order), DeviceMemoryError)
    bench.family.memory = 100
    following = bench.add(num_inference_steps=2)
    bench.run()
    assert following.outcome.result().steps_run == 2


def test_a_decode_without_memory_is_done_in_tiles() -> None:
    bench = Bench()
    bench.family.room_to_decode = False
    order = bench.add(num_inference_steps=1)

    bench.run()

    assert order.outcome.result().recipe.width == 64
    assert bench.family.tiles == 1


# Other faults


def test_the_picture_whose_row_breaks_the_forward_fails_and_no_other() -> None:
    bench = Bench()
    good = [bench.add(guidance_scale=g, num_inference_steps=3) for g in (0.1, 0.2, 0.3)]
    bad = bench.add(guidance_scale=0.9, num_inference_steps=3)

    def fail(rows: Sequence[Row]) -> None:
        if 0.9 in names(rows):
            raise ValueError("poison")

    bench.family.fault = fail
    bench.run()

    assert isinstance(error_of(bad), GenerationError)
    assert [order.outcome.result().steps_run for order in good] == [3, 3, 3]
    assert bench.batcher.lanes.cap(HERE) == 8, "it was not for memory"


def test_both_rows_of_a_guided_picture_fail_once() -> None:
    bench = Bench()

    def fail(_rows: Sequence[Row]) -> None:
        raise ValueError("poison")

    order = bench.add(guidance_scale=5.0)
    bench.family.fault = fail
    bench.run()

    assert isinstance(error_of(order), GenerationError)


def test_a_scheduler_that_breaks_before_the_forward_fails_its_own_picture_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    good, bad = bench.add(), bench.add()
    rows = Denoising.rows

    def broken(denoising: Denoising) -> list[Row]:
        if denoising.order is bad:
            raise IndexError("an empty schedule")
        return rows(denoising)

    monkeypatch.setattr(Denoising, "rows", broken)
    bench.run()

    assert isinstance(error_of(bad), GenerationError)
    assert good.outcome.result().steps_run == 4


def test_a_step_that_memory_cut_short_is_not_taken_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    order = bench.add(num_inference_steps=3)
    advance, calls = Denoising.advance, []

    def interrupted(denoising: Denoising, predictions: list[torch.Tensor]) -> torch.Tensor:
        calls.append(denoising.recipe.width)
        seen = advance(denoising, predictions)
        if len(calls) == 2:
            raise torch.OutOfMemoryError
        return seen

    monkeypatch.setattr(Denoising, "advance", interrupted)
    bench.run()

    assert calls == [64, 64, 48, 48, 48]
    assert order.outcome.result().recipe.width == 48


def test_noise_that_is_drawn_again_is_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.add(num_inference_steps=1)
    begin, drawn = Denoising.begin, []

    def interrupted(denoising: Denoising, embeddings: Any) -> bool:
        done = begin(denoising, embeddings)
        drawn.append(denoising.latents)
        if len(drawn) == 1:
            raise torch.OutOfMemoryError
        return done

    monkeypatch.setattr(Denoising, "begin", interrupted)
    bench.run()

    assert torch.equal(drawn[0], drawn[1])


def test_an_unknown_scheduler_fails_that_order_only() -> None:
    bench = Bench()
    bad, good = bench.add(scheduler="MagicScheduler"), bench.add()

    bench.run()

    assert isinstance(error_of(bad), GenerationError)
    assert good.outcome.result().steps_run == 4


def test_a_poisoned_device_is_said_so() -> None:
    bench = Bench()
    bench.add()

    def fail(_rows: Sequence[Row]) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    bench.family.fault = fail
    with pytest.raises(DeviceLostError, match="illegal memory access"):
        bench.tick()


# Previews


def test_previews_come_at_most_once_a_second_and_none_where_nobody_asks() -> None:
    bench = Bench(FakeFamily(base_ms=300, row_ms=0))
    shown: list[tuple[float, Picture]] = []
    order = bench.add(num_inference_steps=20)
    order.on_preview = lambda picture: shown.append((bench.family.now, picture))
    bench.add(num_inference_steps=20)

    bench.run()

    times = [time for time, _ in shown]
    assert 4 <= len(times) <= 6  # in six seconds
    assert all(later - earlier >= 1 for earlier, later in pairwise(times))
    assert bench.batcher.tally.previews == len(times)


def test_previews_that_would_cost_more_than_their_share_are_left_out() -> None:
    bench = Bench(FakeFamily(base_ms=300, row_ms=0))
    shown: list[Picture] = []
    order = bench.add(num_inference_steps=40)

    def show(picture: Picture) -> None:
        shown.append(picture)

    order.on_preview = show
    bench.tick(5)
    bench.batcher.tally.seconds["preview"] = 1.0
    bench.run()

    assert len(shown) <= 1


def test_a_picture_that_a_safety_checker_will_look_at_is_not_shown_before() -> None:
    family = FakeFamily(base_ms=300, row_ms=0)
    family.has_checker = True
    bench = Bench(family)
    shown: list[Picture] = []
    order = bench.add(num_inference_steps=20)
    order.on_preview = shown.append

    bench.run()

    assert order.outcome.result().steps_run == 20
    assert shown == []


# What always holds

ARRIVALS = st.lists(
    st.tuples(
        st.integers(1, 12),  # steps
        st.sampled_from([1.0, 5.0]),  # guidance
        st.sampled_from([32, 64]),  # width
        st.integers(0, 6),  # ticks before it comes
        st.one_of(st.none(), st.integers(0, 10)),  # ticks before it is called off
    ),
    min_size=1,
    max_size=25,
)
TROUBLE = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4)), max_size=4)


class Street:
    """Orders come, are called off, and memory runs out, all at given ticks."""

    def __init__(self, memory: dict[int, int]) -> None:
        self.bench = Bench()
        self.orders: list[Order] = []
        self.told: Counter[Order] = Counter()
        self._memory = memory
        self._ticks = 0
        self._called_off: dict[int, list[Order]] = {}

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.bench.family.memory = self._memory.get(self._ticks, 10**9)
            for order in self._called_off.get(self._ticks, []):
                order.stop.set()
            self.bench.tick()
            self._ticks += 1

    def arrive(self, cancel: int | None, **recipe: Any) -> None:
        order = self.bench.add(**recipe)
        order.outcome.add_done_callback(lambda _outcome: self.told.update([order]))
        self.orders.append(order)
        if cancel is not None:
            self._called_off.setdefault(self._ticks + cancel, []).append(order)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ARRIVALS, TROUBLE)
def test_no_picture_is_lost_or_made_twice_whatever_happens(
    arrivals: list[tuple[int, float, int, int, int | None]], trouble: list[tuple[int, int]]
) -> None:
    street = Street(dict(trouble))
    for steps, guidance, width, wait, cancel in arrivals:
        street.tick(wait)
        street.arrive(cancel, num_inference_steps=steps, guidance_scale=guidance, width=width)
    street.tick(1000)

    assert not street.bench.batcher.is_busy
    assert street.told == dict.fromkeys(street.orders, 1)
    for order, (steps, *_rest, cancel) in zip(street.orders, arrivals, strict=True):
        error = error_of(order)
        if error is None:
            assert order.outcome.result().steps_run == steps
        else:
            assert cancel is not None if isinstance(error, Stopped) else isinstance(error, DeviceMemoryError)


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 50), st.integers(1, 6))
def test_a_long_picture_ends_however_many_short_ones_keep_coming(steps: int, short: int) -> None:
    bench = Bench(max_rows=1)
    long = bench.add(num_inference_steps=steps)
    alone = steps * 0.012  # seconds

    waits = 0
    while not long.outcome.done():
        bench.add(num_inference_steps=short)
        bench.tick(short)
        waits += 1
        assert bench.family.now < 10 * alone + 1, "it starves"


def test_nothing_is_kept_of_a_thousand_pictures() -> None:
    bench = Bench()

    def make(count: int) -> int:
        for number in range(count):
            bench.add(num_inference_steps=2, prompt=f"number {number}", guidance_scale=(1.0, 5.0)[number % 2])
            bench.tick()
        bench.run()
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    make(600)  # the caches are full
    before = make(100)

    assert make(1000) <= before
