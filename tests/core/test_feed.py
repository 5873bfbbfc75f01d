import asyncio

import pytest

from bot.core.errors import RestartingError
from bot.core.feed import Feed, Ticket
from bot.core.jobs import Cancelled, Event, Failed, Finished, Progress, Queued, Suspended
from tests.core.examples import a_job

OUTCOMES: list[Event] = [Finished(()), Failed(RestartingError()), Cancelled(), Suspended(RestartingError())]


async def read(feed: Feed) -> list[Event]:
    """All events up to the outcome."""
    return [event async for event in feed.events()]


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_late_reader_gets_the_outcome(outcome: Event) -> None:
    feed = Feed()
    feed.emit(Queued(1))
    feed.emit(outcome)

    assert feed.outcome is outcome
    assert await read(feed) == [outcome]


@pytest.mark.parametrize("event", [Queued(1), Progress(1, 12)])
def test_a_job_on_its_way_has_no_outcome(event: Event) -> None:
    feed = Feed()
    assert feed.outcome is None
    feed.emit(event)

    assert feed.outcome is None


async def test_a_reader_that_keeps_up_sees_every_event_in_order() -> None:
    feed = Feed()
    events: list[Event] = [Queued(2), Queued(1), Progress(1, 1), Finished(())]
    seen: list[Event] = []
    feed.emit(events[0])
    async for event in feed.events():
        seen.append(event)
        if len(seen) < len(events):
            feed.emit(events[len(seen)])

    assert seen == events


async def test_every_reader_waits_for_what_comes_and_is_told() -> None:
    feed = Feed()
    readers = asyncio.gather(read(feed), read(feed))
    asyncio.get_running_loop().call_soon(feed.emit, Cancelled())

    assert list(await readers) == [[Cancelled()], [Cancelled()]]


async def test_a_slow_reader_misses_steps_but_never_the_outcome() -> None:
    feed = Feed()
    feed.emit(Queued(1))
    events = feed.events()
    first = await anext(events)
    for step in range(1, 4):
        feed.emit(Progress(step, 3))
    feed.emit(Cancelled())

    assert [first, *[event async for event in events]] == [Queued(1), Cancelled()]


async def test_nothing_follows_an_outcome() -> None:
    feed = Feed()
    feed.emit(Cancelled())
    feed.emit(Queued(1))
    feed.emit(Finished(()))

    assert await read(feed) == [Cancelled()]


async def test_what_was_told_is_not_told_twice() -> None:
    feed = Feed()
    seen: list[Event] = []
    feed.emit(Queued(1))
    async for event in feed.events():
        seen.append(event)
        if len(seen) == 1:
            feed.emit(Queued(1))
            asyncio.get_running_loop().call_soon(feed.emit, Cancelled())

    assert seen == [Queued(1), Cancelled()]


async def test_a_ticket_has_its_job_the_events_and_the_outcome() -> None:
    feed, job = Feed(), a_job()
    ticket = Ticket(job, feed)
    feed.emit(Cancelled())

    assert ticket.job is job
    assert [event async for event in ticket.events()] == [Cancelled()]
    assert await ticket.outcome() == Cancelled()
