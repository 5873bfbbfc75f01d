"""When pictures will be there, as far as can be foreseen."""

import pytest

from bot.core.forecast import OVERTAKEN, Work, forecast
from bot.core.ids import JobId


def work(name: str, cost: float, pictures: int = 1) -> Work:
    """A job whose pictures take `cost` seconds of device time together."""
    return Work(JobId(name), pictures, cost * 1000)


def test_nothing_is_foreseen_of_nothing() -> None:
    assert forecast([], [], 1) == {}


def test_with_one_slot_jobs_end_one_after_the_other() -> None:
    ends = forecast([work("a", 2)], [work("b", 3), work("c", 1)], slots=1)

    assert ends == pytest.approx({"a": 2, "b": 5, "c": 6})


def test_the_whole_work_takes_as_long_however_many_slots_there_are() -> None:
    waiting = [work(name, cost) for name, cost in (("a", 4.0), ("b", 1.0), ("c", 2.0))]

    for slots in (1, 2, 16):
        assert max(forecast([], waiting, slots).values()) == pytest.approx(7)


def test_a_small_job_overtakes_a_long_one_where_there_are_slots_for_both() -> None:
    ends = forecast([work("long", 60)], [work("small", 1)], slots=16)

    assert ends[JobId("small")] < ends[JobId("long")]


def test_a_job_behind_its_own_users_others_is_overtaken_by_who_comes_anew() -> None:
    own = Work(JobId("own"), 1, 2000.0, behind_own=True)

    assert forecast([work("a", 2)], [own], slots=1)[own.job_id] == pytest.approx(4 * OVERTAKEN)


def test_a_job_waits_for_a_slot_even_if_it_is_small() -> None:
    ends = forecast([work("long", 60, pictures=4)], [work("small", 1)], slots=4)

    assert ends[JobId("small")] > ends[JobId("long")]
