"""What a live job tells those who watch it: the latest event, and the last one for sure."""

import asyncio
from collections.abc import AsyncIterator

from bot.core.jobs import Cancelled, Event, Failed, Finished, Job, Outcome, Suspended


class Feed:
    """One writer, any number of readers. A slow reader misses steps in between, never the outcome."""

    def __init__(self) -> None:
        self._latest: Event | None = None
        self._changed = asyncio.Event()

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended for this process, once it has."""
        latest = self._latest
        return latest if isinstance(latest, Finished | Failed | Cancelled | Suspended) else None

    def emit(self, event: Event) -> None:
        """Tell every reader. Nothing follows an outcome."""
        if self.outcome is None and event != self._latest:
            self._latest = event
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def events(self) -> AsyncIterator[Event]:
        """The latest event, then each newer one as it comes, ending with the outcome."""
        seen: Event | None = None
        while self.outcome is not seen or seen is None:
            if self._latest is seen:
                await self.wait(self._changed)
            seen = self._latest
            if seen is not None:
                yield seen

    async def wait(self, changed: asyncio.Event) -> None:
        """Wait for the next event. Apart so that the demo can tell its simulator what is waited for."""
        await changed.wait()


class Ticket:
    """A job that was accepted, and its events."""

    def __init__(self, job: Job, feed: Feed) -> None:
        self.job = job
        self._feed = feed

    def events(self) -> AsyncIterator[Event]:
        """See `Feed.events`."""
        return self._feed.events()

    async def outcome(self) -> Outcome:
        """Wait for the end."""
        async for _ in self.events():
            pass
        outcome = self._feed.outcome
        assert outcome is not None  # noqa: S101 - events() ends with the outcome only
        return outcome
