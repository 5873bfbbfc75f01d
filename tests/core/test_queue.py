import itertools
from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from bot.core.errors import QueueFullError, TooManyWaitingError
from bot.core.ids import JobId
from bot.core.queue import FairQueue, Waiting
from tests.core.examples import ANNA, BERT, CARL

USERS = st.integers(1, 5)


def a_queue(*jobs: str, limit: int = 100, limit_per_user: int = 100) -> FairQueue:
    """A queue in which jobs such as `a1` (user "a", 1 second) wait, in this order."""
    queue = FairQueue(limit=limit, limit_per_user=limit_per_user)
    for name in jobs:
        queue.join(waiting(name))
    return queue


def waiting(name: str) -> Waiting:
    return Waiting(JobId(name), {"a": ANNA, "b": BERT, "c": CARL}[name[0]], float(name[1:]))


def taken(queue: FairQueue) -> list[str]:
    """All that wait, taken one after the other."""
    jobs: list[str] = []
    while (job := queue.take()) is not None:
        jobs.append(job.job_id)
    return jobs


def in_line(queue: FairQueue) -> list[JobId]:
    """All that wait, in the order of their turns."""
    return [place.job_id for place in queue.places()]


def position(queue: FairQueue, job_id: JobId) -> tuple[int, float] | None:
    """A waiting job's number in line and the seconds ahead of it; None if it does not wait."""
    return next(((p.number, p.ahead) for p in queue.places() if p.job_id == job_id), None)


def test_nobody_waits_in_a_new_queue() -> None:
    queue = a_queue()

    assert len(queue) == 0
    assert queue.take() is None
    assert in_line(queue) == []


def test_one_users_jobs_come_in_their_own_order() -> None:
    assert taken(a_queue("a1", "a2", "a3")) == ["a1", "a2", "a3"]


def test_users_take_turns() -> None:
    queue = a_queue("a1", "a2", "a3", "b1", "b2", "c1")

    assert taken(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_newcomer_waits_for_one_turn_of_each_other_user() -> None:
    queue = a_queue("a1", "a2", "a3", "b1")
    queue.take()
    queue.join(waiting("c1"))

    assert taken(queue) == ["b1", "a2", "c1", "a3"]


def test_whoever_comes_back_goes_to_the_end_of_the_round() -> None:
    queue = a_queue("a1", "b1", "c1")
    queue.take()
    queue.join(waiting("a2"))

    assert taken(queue) == ["b1", "c1", "a2"]


def test_a_job_that_leaves_keeps_its_users_turn() -> None:
    queue = a_queue("a1", "a2", "b1")

    assert queue.leave(JobId("a1"))
    assert taken(queue) == ["a2", "b1"]


def test_a_user_whose_last_job_leaves_has_no_turn() -> None:
    queue = a_queue("a1", "b1", "c1")

    assert queue.leave(JobId("b1"))
    assert taken(queue) == ["a1", "c1"]


def test_a_job_leaves_once() -> None:
    queue = a_queue("a1", "b1")
    queue.take()

    assert queue.leave(JobId("a1"))
    assert not queue.leave(JobId("a1"))
    assert queue.leave(JobId("b1"))
    assert not queue.leave(JobId("b1"))


def test_a_place_is_counted_from_one_and_has_the_work_ahead_of_it() -> None:
    queue = a_queue("a10", "a20", "b30", "c40")
    queue.take()

    assert in_line(queue) == ["b30", "c40", "a20"]
    assert position(queue, JobId("b30")) == (1, 10.0)
    assert position(queue, JobId("c40")) == (2, 40.0)
    assert position(queue, JobId("a20")) == (3, 80.0)


def test_only_what_waits_has_a_place() -> None:
    queue = a_queue("a1")
    queue.take()

    assert position(queue, JobId("a1")) is None
    assert position(queue, JobId("zz")) is None


def test_work_that_is_over_is_not_ahead_of_anybody() -> None:
    queue = a_queue("a1", "b2")
    queue.take()
    queue.leave(JobId("a1"))

    assert position(queue, JobId("b2")) == (1, 0.0)


def test_one_user_may_have_so_many_waiting_and_running() -> None:
    queue = a_queue("a10", "b5", limit_per_user=2)
    queue.check(ANNA)
    queue.take()
    queue.join(waiting("a20"))

    with pytest.raises(TooManyWaitingError) as caught:
        queue.check(ANNA)
    assert (caught.value.limit, caught.value.retry_after) == (2, 10.0)
    queue.check(BERT)

    queue.leave(JobId("a10"))
    queue.check(ANNA)


def test_the_first_own_job_to_end_is_the_one_to_wait_for() -> None:
    queue = a_queue("a10", "a20", limit_per_user=2)

    with pytest.raises(TooManyWaitingError) as caught:
        queue.check(ANNA)

    assert caught.value.retry_after == 10.0


def test_so_many_may_wait_in_all_beside_the_running_one() -> None:
    queue = a_queue("a10", "b5", limit=2)

    with pytest.raises(QueueFullError) as caught:
        queue.check(CARL)
    assert (caught.value.limit, caught.value.retry_after) == (2, 0)

    queue.take()
    queue.check(CARL)
    queue.join(waiting("c1"))
    with pytest.raises(QueueFullError) as caught:
        queue.check(CARL)
    assert caught.value.retry_after == 10.0


def test_a_users_own_limit_is_told_before_the_queues() -> None:
    queue = a_queue("a1", limit=1, limit_per_user=1)

    with pytest.raises(TooManyWaitingError):
        queue.check(ANNA)


class FairQueueMachine(RuleBasedStateMachine):
    """Random joining, taking and leaving, against what fairness promises."""

    jobs: Bundle[JobId] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue(limit=1000, limit_per_user=1000)
        self.numbers = itertools.count()
        self.waiting: dict[JobId, Waiting] = {}
        """All that should wait, in the order of their joining."""
        self.running: dict[JobId, Waiting] = {}
        self.passed_by: dict[int, Counter[int]] = {}
        """For each user who waits: who else had how many turns since they began to wait for theirs."""

    @rule(target=jobs, user=USERS, cost=st.integers(1, 50))
    def join(self, user: int, cost: int) -> JobId:
        job = Waiting(JobId(f"{next(self.numbers)}"), user, float(cost))
        self.queue.join(job)
        self.waiting[job.job_id] = job
        self.passed_by.setdefault(user, Counter())
        return job.job_id

    @rule()
    def take(self) -> None:
        expected = in_line(self.queue)[:1]
        job = self.queue.take()
        assert ([job.job_id] if job else []) == expected
        if job is None:
            assert not self.waiting
            return
        own = [other for other in self.waiting.values() if other.user_id == job.user_id]
        assert own[0] == job, "one user's jobs come in their own order"
        self.running[job.job_id] = self.waiting.pop(job.job_id)
        for user, turns in self.passed_by.items():
            if user != job.user_id:
                turns[job.user_id] += 1
                assert turns[job.user_id] == 1, "nobody has two turns while another waits for one"
        self.passed_by[job.user_id] = Counter()
        self._forget_who_waits_no_more()

    @rule(job_id=consumes(jobs))
    def leave(self, job_id: JobId) -> None:
        there = job_id in self.waiting or job_id in self.running
        assert self.queue.leave(job_id) is there
        self.waiting.pop(job_id, None)
        self.running.pop(job_id, None)
        self._forget_who_waits_no_more()

    @rule(target=jobs, job_id=consumes(jobs))
    def leave_twice(self, job_id: JobId) -> MultipleResults[JobId]:
        self.leave(job_id)
        assert not self.queue.leave(job_id)
        return multiple()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        assert sorted(in_line(self.queue)) == sorted(self.waiting)
        assert len(self.queue) == len(self.waiting)

    @invariant()
    def places_are_the_order_of_the_turns(self) -> None:
        ahead = sum(job.cost for job in self.running.values())
        for place, job_id in enumerate(in_line(self.queue), 1):
            assert position(self.queue, job_id) == (place, ahead)
            ahead += self.waiting[job_id].cost

    def teardown(self) -> None:
        promised = in_line(self.queue)
        assert taken(self.queue) == promised

    def _forget_who_waits_no_more(self) -> None:
        users = {job.user_id for job in self.waiting.values()}
        self.passed_by = {user: turns for user, turns in self.passed_by.items() if user in users}


TestFairQueue = FairQueueMachine.TestCase
