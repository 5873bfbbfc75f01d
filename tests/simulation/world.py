"""The service, its stores in memory, and its users, all on one virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.core.catalog import Catalog
from bot.core.feed import Ticket
from bot.core.ids import JobId
from bot.core.jobs import Job, Origin
from bot.core.queue import FairQueue
from bot.core.recipe import Recipe
from bot.core.requests import ImagineRequest
from bot.core.rules import QueueRules, RuleBook
from bot.core.service import GenerationService
from bot.settings import Settings
from tests.core.examples import STUDIO, TINY
from tests.core.stores import MemoryHistory, MemoryImages, MemoryJobs, MemoryPreferences, PlainCodec
from tests.simulation.engine import SMALL_CARD, SimulatedEngine
from tests.simulation.loop import VirtualClock

GUILD = 9
BOOSTED = 77
"""A role whose members have twice the device time of others."""
USUAL = {name: Settings.model_fields[name].default for name in ("pictures_at_once", "running_limit_per_user")}


class RecordedJobs(MemoryJobs):
    """Remembers who began, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Job] = []

    async def start(self, job_id: JobId, at: float) -> None:
        await super().start(job_id, at)
        self.begun.append(self.rows[job_id])


@dataclass
class World:
    """Built inside of the loop. Limits are out of the way where a test is not about them."""

    slots: int = USUAL["pictures_at_once"]
    running_per_user: int = USUAL["running_limit_per_user"]
    limit_per_user: int = 1000
    ms: Mapping[int, float] = field(default_factory=lambda: SMALL_CARD)
    pace: Callable[[Recipe], float] = lambda _recipe: 1.0

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = SimulatedEngine(TINY, self.ms, slots=self.slots, pace=self.pace)
        self.jobs = RecordedJobs()
        self.queue = FairQueue(
            limit=10_000, limit_per_user=self.limit_per_user, running_per_user=self.running_per_user
        )
        self.images = MemoryImages()
        self.rules = RuleBook(MemoryPreferences())
        self.service = GenerationService(
            catalog=Catalog((TINY,), TINY.name),
            engine=self.engine,
            jobs=self.jobs,
            history=MemoryHistory(self.jobs),
            images=self.images,
            codec=PlainCodec(),
            clock=self.clock,
            queue=self.queue,
            rules=self.rules,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["World"]:
        """Until the block ends."""
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

    async def be_greedy(self, user: int, request: ImagineRequest, roles: Collection[int] = ()) -> None:
        """Ask for the next as soon as one is there, with eight on the way at any time; for ever."""

        async def one_after_the_other() -> None:
            while True:
                await (await self.submit(user, request, roles)).outcome()

        await asyncio.gather(*(one_after_the_other() for _ in range(8)))
