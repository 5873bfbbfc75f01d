"""Whatever comes, everybody has a turn."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.ids import JobId
from bot.core.jobs import Cancelled, Finished, Outcome
from bot.core.queue import QUANTUM
from bot.core.requests import ImagineRequest
from tests.simulation.loop import simulate
from tests.simulation.turns import Turn
from tests.simulation.wishes import uneven
from tests.simulation.world import BOOSTED, NO_LIMIT, World

A_DAY = 86_400.0
BOOSTED_USERS = {4, 5}


@dataclass(frozen=True)
class Ask:
    """What one user does, and when."""

    user: int
    after: float
    """Seconds from the start."""
    steps: int
    guided: bool
    count: int
    patience: float | None
    """Seconds until it is called off."""


ASKS = st.lists(
    st.builds(
        Ask,
        user=st.integers(1, 5),
        after=st.floats(0, 20),
        steps=st.integers(1, 60),
        guided=st.booleans(),
        count=st.integers(1, 4),
        patience=st.none() | st.floats(0, 30),
    ),
    min_size=1,
    max_size=60,
)
SLOTS = st.sampled_from([1, 2, 4, 16])


async def live_through(world: World, asks: list[Ask]) -> list[Outcome]:
    """How each of them ends."""

    async def one(ask: Ask) -> Outcome:
        await asyncio.sleep(ask.after)
        request = ImagineRequest(
            prompt=f"{ask.user} {ask.after}",
            num_inference_steps=ask.steps,
            guidance_scale=7.0 if ask.guided else 1.0,
            count=ask.count,
        )
        ticket = await world.submit(ask.user, request, (BOOSTED,) if ask.user in BOOSTED_USERS else ())
        if ask.patience is not None:
            await world.call_off(ticket, ask.patience)
        return await ticket.outcome()

    async with world.at_work(), asyncio.timeout(A_DAY):
        outcomes = await asyncio.gather(*(one(ask) for ask in asks))
        assert world.service.standings() == []
        assert world.queue.users == set()
    return outcomes


class Watched:
    """Somebody who came anew, and who began since."""

    def __init__(self, job_id: JobId) -> None:
        self.job_id = job_id
        self.passed_by: defaultdict[int, float] = defaultdict(float)
        """Milliseconds that others began with, but for the last job of each: what a turn must hold."""
        self.last: dict[int, float] = {}

    def sees(self, turn: Turn) -> float:
        """Milliseconds of that user's turn that were used up before this job began."""
        user, cost = turn.job.user_id, turn.job.cost
        self.passed_by[user] += self.last.get(user, 0.0)
        self.last[user] = cost
        return self.passed_by[user]


def check_turns(turns: list[Turn]) -> None:
    """Before a newcomer, each other user has one turn at most: jobs begin while less than a turn is used up.

    What somebody was charged too much, and has back, counts as a turn that they had missed.
    """
    newcomers: dict[int, Watched] = {}
    refunds: defaultdict[int, float] = defaultdict(float)
    for turn in turns:
        user = turn.job.user_id
        refunds[user] += turn.refund
        if turn.anew:
            newcomers[user] = Watched(turn.job.job_id)
        if user in newcomers and newcomers[user].job_id == turn.job.job_id and turn.kind != "joined":
            del newcomers[user]
        if turn.kind == "began":
            for watched in newcomers.values():
                # (A newcomer's second job cannot begin before the first.)
                assert watched.sees(turn) < QUANTUM * turn.job.weight + refunds[user] + 1e-6


@settings(max_examples=60)
@given(slots=SLOTS, running_per_user=st.integers(1, 8), asks=ASKS)
def test_every_job_that_is_accepted_has_its_turn_and_ends(
    slots: int, running_per_user: int, asks: list[Ask]
) -> None:
    world = World(slots=slots, running_per_user=running_per_user, limit_per_user=NO_LIMIT, pace=uneven)

    outcomes = simulate(live_through(world, asks))

    for ask, outcome in zip(asks, outcomes, strict=True):
        assert isinstance(outcome, Finished) or (isinstance(outcome, Cancelled) and ask.patience is not None)


@settings(max_examples=60)
@given(slots=SLOTS, asks=ASKS)
def test_a_newcomer_waits_for_one_turn_of_each_other_user_at_most(slots: int, asks: list[Ask]) -> None:
    # Who is at the limit of running jobs is owed the turns they could not take: it is out of the way here.
    world = World(slots=slots, running_per_user=NO_LIMIT, limit_per_user=NO_LIMIT, pace=uneven)

    simulate(live_through(world, asks))

    check_turns(world.queue.turns)
