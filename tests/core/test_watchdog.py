"""An engine that stands still."""

from collections.abc import AsyncIterator

import pytest

from bot.core.errors import DeviceLostError, EngineStalledError
from bot.core.jobs import JobStatus, Suspended
from bot.core.watchdog import FACTOR, FIRST_STEP, LEAST, Watchdog
from tests.core.examples import BERT
from tests.core.house import House, failure, finished, let_all_run, running
from tests.core.stores import TurnedClock


def silent_for(seconds: float, expected_step: float, *, first_step: bool = False) -> float | None:
    """What a watchdog says after so many seconds without a sign."""
    clock = TurnedClock()
    watchdog = Watchdog(clock)
    clock.turn(seconds)
    return watchdog.silence(expected_step, first_step=first_step)


@pytest.mark.parametrize(
    ("expected_step", "first_step", "allowed"),
    [(0.01, False, LEAST), (30.0, False, FACTOR * 30.0), (0.01, True, FIRST_STEP)],
)
def test_silence_is_told_once_it_is_too_long(expected_step: float, first_step: bool, allowed: float) -> None:
    assert silent_for(allowed, expected_step, first_step=first_step) is None
    assert silent_for(allowed + 1, expected_step, first_step=first_step) == pytest.approx(allowed + 1)


def test_a_sign_of_life_ends_the_silence() -> None:
    clock = TurnedClock()
    watchdog = Watchdog(clock)
    clock.turn(LEAST + 1)
    watchdog.sign()

    assert watchdog.silence(0.01, first_step=False) is None


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
    await house.service.check_engine()
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
    await house.service.check_engine()
    ticket = await running(house)
    turn(house, FIRST_STEP)

    await house.service.check_engine()

    assert house.engine.restarts == []
    house.engine.release()
    await finished(ticket)


async def test_time_in_which_nothing_runs_is_no_silence(house: House) -> None:
    turn(house, 2 * FIRST_STEP)
    ticket = await running(house)

    await house.service.check_engine()

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
