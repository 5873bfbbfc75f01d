from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.core.catalog import Catalog
from bot.core.feed import Ticket
from bot.core.gallery import Gallery
from bot.core.jobs import Job, Origin
from bot.core.queue import FairQueue
from bot.core.requests import ImagineRequest
from bot.core.service import GenerationService
from tests.core.examples import ANNA, CATALOG, STUDIO
from tests.core.stores import (
    MemoryHistory,
    MemoryImages,
    MemoryJobs,
    PlainCodec,
    SteppingClock,
    WatchedEngine,
)


@dataclass
class House:
    """The service over stores in memory. `log` has what was written, in order."""

    catalog: Catalog = CATALOG
    log: list[str] = field(default_factory=list)
    limit: int = 100
    limit_per_user: int = 10

    def __post_init__(self) -> None:
        self.engine = WatchedEngine()
        self.jobs = MemoryJobs(self.log)
        self.history = MemoryHistory(self.jobs)
        self.images = MemoryImages(self.log)
        self.codec = PlainCodec()
        self.gallery = Gallery(jobs=self.jobs, history=self.history, images=self.images, codec=self.codec)
        self.service = self.new_service()

    def new_service(self) -> GenerationService:
        """As after a start of the process: the same stores, an empty queue."""
        return GenerationService(
            catalog=self.catalog,
            engine=self.engine,
            jobs=self.jobs,
            history=self.history,
            images=self.images,
            codec=self.codec,
            clock=SteppingClock(),
            queue=FairQueue(limit=self.limit, limit_per_user=self.limit_per_user),
        )

    async def submit(self, request: ImagineRequest | str = "a fox", *, user: int = ANNA) -> Ticket:
        """Ask for something: a picture, where only a prompt is given."""
        if isinstance(request, str):
            request = ImagineRequest(prompt=request)
        return await self.service.submit(request, Origin(user_id=user, guild_id=9, channel_id=STUDIO))

    def row(self, ticket: Ticket) -> Job:
        """The job as the database has it."""
        return self.jobs.rows[ticket.job.id]


@pytest.fixture
async def closed_house() -> AsyncIterator[House]:
    """A service that was not started yet, so that everything waits."""
    house = House()
    yield house
    await house.service.close()


@pytest.fixture
async def house(closed_house: House) -> House:
    """A service at work."""
    await closed_house.service.start(recover=True)
    return closed_house
