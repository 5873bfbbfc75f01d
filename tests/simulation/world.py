"""The service, its stores in memory, and its users, all on one virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from bot.core.catalog import Catalog
from bot.core.errors import JobOverError
from bot.core.feed import Ticket
from bot.core.jobs import Origin
from bot.core.policy import Actor
from bot.core.recipe import Recipe
from bot.core.requests import ImagineRequest
from bot.core.rules import QueueRules, RuleBook
from bot.core.service import GenerationService
from bot.engine.profile import Profile
from bot.settings import Settings
from tests.core.examples import STUDIO, TINY
from tests.core.stores import MemoryHistory, MemoryImages, MemoryJobs, MemoryPreferences, PlainCodec
from tests.simulation.engine import SMALL_CARD, SimulatedEngine
from tests.simulation.loop import VirtualClock
from tests.simulation.turns import RecordedQueue

GUILD: Final = 9
BOOSTED: Final = 77
"""A role whose members have twice the device time of others."""
SLOTS: Final[int] = Settings.model_fields["pictures_at_once"].default
RUNNING: Final[int] = Settings.model_fields["running_limit_per_user"].default
ON_THE_WAY: Final[int] = Settings.model_fields["queue_limit_per_user"].default
NO_LIMIT: Final = 1000


@dataclass
class World:
    """Everything as by default, but that any number may wait."""

    slots: int = SLOTS
    running_per_user: int = RUNNING
    limit_per_user: int = ON_THE_WAY
    card: Profile = SMALL_CARD
    pace: Callable[[Recipe], float] = lambda _recipe: 1.0
    """See `SimulatedEngine`."""

    def __post_init__(self) -> None:
        self.engine = SimulatedEngine(TINY, self.card, slots=self.slots, pace=self.pace)
        self.jobs = MemoryJobs()
        self.images = MemoryImages()
        self.queue = RecordedQueue(
            limit=10_000, limit_per_user=self.limit_per_user, running_per_user=self.running_per_user
        )
        self.rules = RuleBook(MemoryPreferences())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["World"]:
        """Until the block ends."""
        self.service = GenerationService(
            catalog=Catalog((TINY,), TINY.name),
            engine=self.engine,
            jobs=self.jobs,
            history=MemoryHistory(self.jobs),
            images=self.images,
            codec=PlainCodec(),
            clock=VirtualClock(),
            queue=self.queue,
            rules=self.rules,
        )
        await self.rules.set(GUILD, QueueRules(boosts={BOOSTED: 2.0}))
        await self.service.warm_up()
        await self.service.start(recover=False)
        try:
            yield self
        finally:
            await self.service.close()

    async def submit(self, user: int, request: ImagineRequest, roles: Collection[int] = ()) -> Ticket:
        origin = Origin(user_id=user, guild_id=GUILD, channel_id=STUDIO)
        return await self.service.submit(request, origin, roles)

    async def call_off(self, ticket: Ticket, after: float) -> None:
        """Cancel a job in `after` seconds, unless it is over by then."""
        await asyncio.sleep(after)
        with suppress(JobOverError):
            await self.service.cancel(ticket.job.id, Actor(ticket.job.origin.user_id))

    async def be_greedy(self, user: int, request: ImagineRequest, roles: Collection[int] = ()) -> None:
        """Have as many on the way as one may, for ever: as one ends, ask for the next."""

        async def one_after_the_other() -> None:
            while True:
                await (await self.submit(user, request, roles)).outcome()

        await asyncio.gather(*(one_after_the_other() for _ in range(self.limit_per_user)))
