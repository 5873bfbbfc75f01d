"""Whose turn it is: shortest work first, with ageing, one bucket at a time, as full as pays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.planner import Bucket, Candidate, choose

SMALL, LARGE = Bucket("m", 64, 64), Bucket("m", 128, 128)


def waits(
    picture: Any, ms: float, *, rows: int = 1, bucket: Bucket = SMALL, since: float = 0.0
) -> Candidate[Any]:
    return Candidate(picture, bucket, rows, ms, since)


def chosen(*line: Candidate[Any], cap: int = 4, now: float = 0.0, ageing: float = 0.25) -> list[Any]:
    return choose(line, lambda _bucket: cap, now, ageing)


def test_nobody_waits() -> None:
    assert chosen() == []


def test_the_shortest_go_first_as_many_as_pay() -> None:
    line = [waits(name, ms) for name, ms in (("d", 40), ("a", 10), ("c", 30), ("b", 20))]

    assert chosen(*line, cap=3) == ["a", "b", "c"]


def test_the_first_in_line_chooses_the_size() -> None:
    assert chosen(waits("small", 20), waits("large", 10, bucket=LARGE), waits("another", 5000)) == ["large"]


def test_one_that_does_not_fit_gives_way_to_a_smaller_one_behind_it() -> None:
    assert chosen(waits("a", 1), waits("two rows", 2, rows=2), waits("b", 3), cap=2) == ["a", "b"]


def test_one_that_never_fits_goes_by_itself() -> None:
    assert chosen(waits("guided", 1, rows=2), waits("b", 2), cap=1) == ["guided"]


def test_whoever_waited_long_enough_goes_before_the_newly_come() -> None:
    long, short = waits("long", 1000, since=0.0), waits("short", 10, since=10.0)

    assert chosen(long, waits("short", 10, since=3.9), cap=1, now=3.9) == ["short"]
    assert chosen(long, short, cap=1, now=10.0) == ["long"]


@pytest.mark.parametrize(("ageing", "first"), [(0.0, "short"), (1e9, "long")])
def test_ageing_goes_from_shortest_first_to_first_come(ageing: float, first: str) -> None:
    assert chosen(waits("long", 9e6), waits("short", 1, since=0.1), cap=1, now=1e4, ageing=ageing) == [first]


@given(
    st.lists(
        st.tuples(st.floats(0, 1e4), st.integers(1, 2), st.sampled_from([SMALL, LARGE]), st.floats(0, 100)),
        min_size=1,
    ),
    st.integers(1, 32),
)
def test_a_forward_is_of_one_bucket_and_no_fuller_than_pays(line: list[Any], cap: int) -> None:
    candidates = [
        waits(number, ms, rows=rows, bucket=bucket, since=since)
        for number, (ms, rows, bucket, since) in enumerate(line)
    ]

    together = [candidates[number] for number in chosen(*candidates, cap=cap, now=100.0)]

    assert together
    assert len({candidate.bucket for candidate in together}) == 1
    rows = sum(candidate.rows for candidate in together)
    assert rows <= cap or len(together) == 1
    left = [c for c in candidates if c.bucket == together[0].bucket and c not in together]
    assert all(rows + candidate.rows > cap for candidate in left)
