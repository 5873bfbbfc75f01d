"""Where more rows stop paying, and what a forward costs."""

import pytest

from bot.engine.profile import PATIENCE, Profile, measure


class Device:
    """Its forwards take a given time; the clock is its own."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.ran: list[int] = []

    def forward(self, rows: int) -> None:
        self.ran.append(rows)
        if rows not in self.seconds:
            raise MemoryError
        self.now += self.seconds[rows]

    def clock(self) -> float:
        return self.now


def device(*ms: float) -> Device:
    return Device({2**power: each / 1000 for power, each in enumerate(ms)})


@pytest.mark.parametrize(
    ("ms", "knee"),
    [
        ((10, 20, 40, 80), 1),
        ((10, 10, 20, 40), 2),
        ((10, 12, 14, 28), 4),
        ((10, 18, 32, 58), 8),  # each doubling gains just over 10%
        ((10, 19, 20, 20), 1),  # the first that does not pay ends it
    ],
)
def test_the_knee_is_the_last_doubling_that_gains_a_tenth(ms: tuple[float, ...], knee: int) -> None:
    assert Profile({2**power: each for power, each in enumerate(ms)}).knee == knee


def test_measuring_stops_behind_the_knee_and_keeps_the_best_of_a_few() -> None:
    machine = device(10, 12, 24, 48)

    profile = measure(machine.forward, 32, machine.clock)

    assert profile.knee == 2
    assert sorted(set(machine.ran)) == [1, 2, 4]
    assert profile.ms[2] == pytest.approx(12)


def test_measuring_for_the_benchmark_goes_all_the_way() -> None:
    machine = device(10, 20, 40, 80)

    assert sorted(measure(machine.forward, 8, machine.clock, thorough=True).ms) == [1, 2, 4, 8]


def test_a_slow_machine_is_measured_at_few_rows() -> None:
    machine = device(*[PATIENCE * 1000] * 4)

    measure(machine.forward, 8, machine.clock)

    assert machine.ran == [1, 1]


def test_a_first_call_that_compiles_is_not_held_against_the_model() -> None:
    machine = device(10, 11, 12, 13)
    seen: set[int] = set()

    def forward(rows: int) -> None:
        if rows not in seen:
            machine.now += 100
        seen.add(rows)
        machine.forward(rows)

    assert measure(forward, 8, machine.clock).knee == 8


def test_rows_that_do_not_fit_into_memory_are_past_the_knee() -> None:
    machine = device(10, 11)

    assert measure(machine.forward, 32, machine.clock).knee == 2


def test_a_single_row_that_does_not_fit_is_an_error() -> None:
    machine = device()

    with pytest.raises(MemoryError):
        measure(machine.forward, 32, machine.clock)


def test_times_in_between_are_interpolated_and_beyond_in_proportion() -> None:
    profile = Profile({1: 10.0, 2: 12.0, 4: 20.0})

    assert [profile.forward_ms(rows) for rows in (1, 2, 3, 4, 8)] == [10, 12, 16, 20, 40]
    assert profile.row_ms(4) == 5
