"""An engine that stands still."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bot.core.errors import DeviceLostError, EngineStalledError
from bot.core.estimates import Estimates
from bot.core.feed import Feed
from bot.core.jobs import JobStatus, Progress, Suspended
from bot.core.live import LiveJob
from bot.core.watchdog import FACTOR, FIRST_STEP, LEAST, Watchdog
from tests.core.examples import BERT, a_job
from tests.core.house import House, failure, finished, let_all_run, running
from tests.core.stores import TurnedClock
from tests.fakes import FakeEngine


def a_job_at_work(steps_run: int) -> LiveJob:
    """A job of one picture of twelve steps, of which so many have run."""
    live = LiveJob(a_job(), Feed())
    live.work = cast("Any", object())
    live.progress = Progress(steps_run, 12)
    return live


async def restarts_after(seconds: float, step_seconds: float, steps_run: int) -> list[float]:
    """Whether the engine is started anew after so many seconds without a sign."""
    clock, engine = TurnedClock(), FakeEngine()
    live = a_job_at_work(steps_run)
    estimates = Estimates(lambda _recipe: step_seconds * 12 * 1000)
    watchdog = Watchdog(engine, {live.job.id: live}, estimates, clock, lambda error: pytest.fail(str(error)))
    clock.turn(seconds)
    await watchdog.look()
    return engine.restarts


@pytest.mark.parametrize(
    ("step_seconds", "steps_run", "allowed"),
    [(0.01, 3, LEAST), (30.0, 3, FACTOR * 30.0), (0.01, 0, FIRST_STEP)],
    ids=["quick steps", "slow steps", "before the first"],
)
async def test_so_long_an_engine_may_be_silent_and_no_longer(
    step_seconds: float, steps_run: int, allowed: float
) -> None:
    assert await restarts_after(allowed, step_seconds, steps_run) == []
    assert await restarts_after(allowed + 1, step_seconds, steps_run) == [allowed + 1]


async def test_a_sign_of_life_ends_the_silence() -> None:
    clock, engine = TurnedClock(), FakeEngine()
    live = a_job_at_work(3)
    watchdog = Watchdog(
        engine,
        {live.job.id: live},
        Estimates(lambda _recipe: 1.0),
        clock,
        lambda error: pytest.fail(str(error)),
    )
    clock.turn(LEAST + 1)
    watchdog.sign()
    await watchdog.look()

    assert engine.restarts == []


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A service at work, on a clock that only the test turns."""
    house = House(clock=TurnedClock())
    await house.service.start(recover=False)
    yield house
    await house.service.close()


def turn(house: House, seconds: float) -> None:
    assert isinstance(house.clock, TurnedClock)
    house.clock.turn(seconds)


async def stall(house: House) -> None:
    """The engine stands still for as long as nobody would wait."""
    turn(house, 2 * FIRST_STEP)
    await house.service.watchdog.look()
    house.engine.hold()  # what is tried again stands still as well
    await let_all_run()


async def test_an_engine_that_stands_still_is_started_anew_and_its_job_tried_again(house: House) -> None:
    ticket = await running(house)

    await stall(house)
    house.engine.release()

    await finished(ticket)
    assert house.engine.restarts == [2 * FIRST_STEP]
    assert house.row(ticket).crashes == 1


async def test_a_job_for_which_the_engine_stands_still_twice_fails_with_its_reason(house: House) -> None:
    ticket = await running(house)
    await stall(house)
    await house.engine.begun.get()
    await stall(house)

    assert isinstance(await failure(ticket), EngineStalledError)
    assert house.row(ticket).status is JobStatus.FAILED
    house.engine.release()
    await finished(await house.submit("the next", user=BERT))


async def test_an_engine_that_moves_is_left_alone(house: House) -> None:
    await house.service.watchdog.look()
    ticket = await running(house)
    turn(house, FIRST_STEP)

    await house.service.watchdog.look()

    assert house.engine.restarts == []
    house.engine.release()
    await finished(ticket)


async def test_time_in_which_nothing_runs_is_no_silence(house: House) -> None:
    turn(house, 2 * FIRST_STEP)
    ticket = await running(house)

    await house.service.watchdog.look()

    assert house.engine.restarts == []
    house.engine.release()
    await finished(ticket)


async def test_a_device_that_cannot_be_started_anew_is_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(seconds: float) -> None:
        raise DeviceLostError(f"no progress for {seconds} s")

    ticket = await running(house)
    monkeypatch.setattr(house.engine, "restart", lost)

    await stall(house)

    assert house.service.device_lost.is_set()
    assert isinstance(await ticket.outcome(), Suspended)
