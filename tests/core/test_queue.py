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
from bot.core.queue import QUANTUM, FairQueue, Waiting
from tests.core.examples import ANNA, BERT, CARL

USERS = st.integers(1, 5)


def a_queue(*jobs: str, limit: int = 100, limit_per_user: int = 100) -> FairQueue:
    """A queue in which jobs such as `a1` (user "a", 1 second of device time) wait, in this order."""
    queue = FairQueue(limit=limit, limit_per_user=limit_per_user)
    for name in jobs:
        queue.join(waiting(name))
    return queue


def waiting(name: str) -> Waiting:
    return Waiting(JobId(name), {"a": ANNA, "b": BERT, "c": CARL}[name[0]], float(name[1:]) * 1000)


def taken(queue: FairQueue) -> list[str]:
    """All that wait, taken one after the other."""
    jobs: list[str] = []
    while (job := queue.take()) is not None:
        jobs.append(job.job_id)
    return jobs


def in_line(queue: FairQueue) -> list[JobId]:
    """All that wait, in the order of their turns."""
    return [job.job_id for job in queue.order()]


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

    assert taken(queue) == ["b1", "c1", "a2", "a3"]


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


def test_a_dear_job_costs_its_user_the_turns_that_others_have_meanwhile() -> None:
    queue = a_queue("a4", "a1", "b1", "b2", "b3")

    assert taken(queue) == ["a4", "b1", "b2", "b3", "a1"]


def test_cheap_jobs_share_a_turn() -> None:
    queue = a_queue("a0.03", "a0.04", "a0.05", "a0.06", "b1")

    assert taken(queue) == ["a0.03", "a0.04", "a0.05", "b1", "a0.06"]


def test_a_boost_makes_turns_longer() -> None:
    queue = a_queue()
    for number in range(6):
        queue.join(Waiting(JobId(f"a{number}"), ANNA, 1000.0, weight=2.0))
        queue.join(Waiting(JobId(f"b{number}"), BERT, 1000.0))

    first = taken(queue)[:6]

    assert sorted(job[0] for job in first) == ["a", "a", "a", "a", "b", "b"]


def test_a_newcomer_goes_before_who_has_debts_whatever_the_job_costs() -> None:
    queue = a_queue("a1", "a2", "a3")
    queue.take()
    queue.join(waiting("b60"))

    assert taken(queue) == ["b60", "a2", "a3"]


def test_debts_are_kept_while_others_wait() -> None:
    queue = a_queue("a5", "b1", "b1.5", "b2")
    queue.take()
    queue.leave(JobId("a5"))
    queue.join(waiting("a1"))

    assert taken(queue) == ["b1", "b1.5", "b2", "a1"]


def test_debts_are_forgiven_when_nobody_else_waits() -> None:
    queue = a_queue("a5")
    queue.take()
    queue.leave(JobId("a5"))
    queue.join(waiting("a1"))
    queue.join(waiting("b1"))

    assert taken(queue) == ["a1", "b1"]


def test_a_user_pays_what_a_job_took_in_truth() -> None:
    queue = a_queue("a5", "a1", "b1", "b2")
    queue.take()
    queue.leave(JobId("a5"), spent=0.0)

    assert taken(queue) == ["b1", "a1", "b2"]


def test_a_refund_is_no_claim_on_other_peoples_turns() -> None:
    queue = a_queue("a10", "b1")
    queue.take()
    queue.take()
    queue.leave(JobId("b1"))  # nobody waits: what a owes is forgiven
    for number in range(3):
        queue.join(Waiting(JobId(f"a{number}"), ANNA, 1000.0))
        queue.join(Waiting(JobId(f"b{number}"), BERT, 1000.0))
    queue.leave(JobId("a10"), spent=1000.0)

    assert taken(queue) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_job_that_took_longer_than_was_thought_is_paid_for() -> None:
    queue = a_queue("a0.05", "a1", "b1", "b2")
    queue.take()
    queue.leave(JobId("a0.05"), spent=5000.0)

    assert taken(queue) == ["b1", "b2", "a1"]


def test_who_has_debts_has_a_turn_while_ever_new_users_come() -> None:
    queue = a_queue("a9", "a1")
    queue.join(Waiting(JobId("x"), 5000, 1000.0))
    queue.take()
    passed_by = 0
    while True:
        queue.join(Waiting(JobId(f"x{passed_by}"), 5001 + passed_by, 1000.0))
        job = queue.take()
        assert job is not None
        queue.leave(job.job_id, job.cost)
        if job.user_id == ANNA:
            break
        passed_by += 1
        assert passed_by < 200

    # Nine seconds are one's own, and two or three always share the device.
    assert passed_by > 9


def test_nobody_is_remembered_for_long_who_does_not_come_back() -> None:
    queue = a_queue("a1", "a2", "a3")
    for user in range(5000, 6000):
        queue.join(Waiting(JobId(f"x{user}"), user, 1000.0))
        job = queue.take()
        assert job is not None
        queue.leave(job.job_id, job.cost)

    assert len(queue._users) < 200


def test_who_was_held_back_by_a_limit_has_one_turn_and_not_all_of_them_at_once() -> None:
    queue = FairQueue(limit=1000, limit_per_user=1000, running_per_user=1)
    for number in range(50):
        queue.join(Waiting(JobId(f"a{number}"), ANNA, 100.0))
    queue.take()
    for number in range(50):
        queue.join(Waiting(JobId(f"b{number}"), BERT, 1000.0))
        job = queue.take()
        assert job is not None
        queue.leave(job.job_id, job.cost)
    queue.join(Waiting(JobId("c0"), CARL, 100.0))
    queue.leave(JobId("a0"), 100.0)

    began = []
    while (job := queue.take()) and job.user_id != CARL:
        began.append(job.job_id)
        queue.leave(job.job_id, job.cost)
    assert began == ["a1"]


def test_so_many_of_a_users_jobs_run_at_once_and_the_others_go_on() -> None:
    queue = FairQueue(limit=100, limit_per_user=100, running_per_user=2)
    for name in ("a1", "a2", "a3", "b1"):
        queue.join(waiting(name))

    assert taken(queue) == ["a1", "b1", "a2"]

    queue.leave(JobId("a1"))
    assert taken(queue) == ["a3"]


def test_a_server_may_let_fewer_run_but_not_more() -> None:
    queue = FairQueue(limit=100, limit_per_user=100, running_per_user=2)
    for number in range(3):
        queue.join(Waiting(JobId(f"a{number}"), ANNA, 1000.0, running_limit=1))
        queue.join(Waiting(JobId(f"b{number}"), BERT, 1000.0, running_limit=9))

    assert taken(queue) == ["a0", "b0", "b1"]


def test_what_must_be_alone_waits_for_quiet_and_keeps_others_waiting() -> None:
    queue = a_queue("a1")
    queue.join(Waiting(JobId("b1"), BERT, 1000.0, alone=True))
    queue.join(waiting("c1"))

    assert taken(queue) == ["a1"]
    queue.leave(JobId("a1"))
    assert taken(queue) == ["b1"]
    queue.leave(JobId("b1"))
    assert taken(queue) == ["c1"]


def test_a_place_that_is_kept_counts() -> None:
    queue = a_queue("a1", limit=2, limit_per_user=2)
    queue.reserve(JobId("a2"), ANNA)

    with pytest.raises(TooManyWaitingError):
        queue.check(ANNA)
    with pytest.raises(QueueFullError):
        queue.check(BERT)

    assert queue.leave(JobId("a2"))
    queue.check(ANNA)


def test_a_server_may_let_its_members_have_fewer_on_the_way_but_not_more() -> None:
    queue = a_queue("a1", "b1", "b2", limit_per_user=2)

    with pytest.raises(TooManyWaitingError) as caught:
        queue.check(ANNA, 1)
    assert caught.value.limit == 1
    with pytest.raises(TooManyWaitingError):
        queue.check(BERT, 9)


def test_a_queue_that_is_empty_remembers_nobody() -> None:
    queue = a_queue("a1", "b2")
    taken(queue)
    queue.leave(JobId("a1"))
    queue.leave(JobId("b2"))

    assert [queue._users, queue._waiting, queue._running, queue._reserved] == [{}, {}, {}, {}]


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
        """For each user who came anew and has had no turn yet: who else had how many since."""

    @rule(target=jobs, user=USERS, cost=st.integers(1, 50))
    def join(self, user: int, cost: int) -> JobId:
        job = Waiting(JobId(f"{next(self.numbers)}"), user, cost * QUANTUM)
        if user not in self.queue._users:
            self.passed_by[user] = Counter()
        self.queue.join(job)
        self.waiting[job.job_id] = job
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
        self.passed_by.pop(job.user_id, None)
        for turns in self.passed_by.values():
            turns[job.user_id] += 1
            assert turns[job.user_id] == 1, "nobody has two turns before a newcomer has one"
        self._forget_who_waits_no_more()

    @rule(job_id=consumes(jobs), share=st.floats(0, 2))
    def leave(self, job_id: JobId, share: float) -> None:
        there = job_id in self.waiting or job_id in self.running
        spent = self.running[job_id].cost * share if job_id in self.running else None
        assert self.queue.leave(job_id, spent) is there
        self.waiting.pop(job_id, None)
        self.running.pop(job_id, None)
        self._forget_who_waits_no_more()

    @rule(target=jobs, job_id=consumes(jobs))
    def leave_twice(self, job_id: JobId) -> MultipleResults[JobId]:
        self.leave(job_id, 1.0)
        assert not self.queue.leave(job_id)
        return multiple()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        assert sorted(in_line(self.queue)) == sorted(self.waiting)
        assert len(self.queue) == len(self.waiting)

    @invariant()
    def everyone_has_a_turn_to_come(self) -> None:
        assert all(0 < user.balance <= QUANTUM for user in self.queue._users.values())

    def teardown(self) -> None:
        promised = in_line(self.queue)
        assert taken(self.queue) == promised

    def _forget_who_waits_no_more(self) -> None:
        users = {job.user_id for job in self.waiting.values()}
        self.passed_by = {user: turns for user, turns in self.passed_by.items() if user in users}


TestFairQueue = FairQueueMachine.TestCase
