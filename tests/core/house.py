"""The service over stores in memory, and ways to watch its jobs."""

import asyncio
from dataclasses import dataclass, field, replace

from bot.core.catalog import Catalog
from bot.core.errors import AtelierError
from bot.core.feed import Ticket
from bot.core.gallery import Gallery
from bot.core.jobs import Event, Failed, Finished, Generation, Job, Origin, Picture
from bot.core.queue import FairQueue
from bot.core.requests import ImagineRequest, Source
from bot.core.rules import RuleBook
from bot.core.service import GenerationService
from tests.core.examples import ANNA, CATALOG, SOURCE, STUDIO
from tests.core.stores import (
    MemoryHistory,
    MemoryImages,
    MemoryJobs,
    MemoryPreferences,
    PlainCodec,
    SteppingClock,
    TurnedClock,
    WatchedEngine,
    plain_file,
)


@dataclass
class House:
    """The service over stores in memory. `log` has what was written, in order."""

    catalog: Catalog = CATALOG
    log: list[str] = field(default_factory=list)
    limit: int = 100
    limit_per_user: int = 10
    previews: bool = True
    clock: SteppingClock | TurnedClock = field(default_factory=SteppingClock)

    def __post_init__(self) -> None:
        self.engine = WatchedEngine()
        self.jobs = MemoryJobs(self.log)
        self.history = MemoryHistory(self.jobs)
        self.images = MemoryImages(self.log)
        self.codec = PlainCodec()
        self.preferences = MemoryPreferences()
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
            clock=self.clock,
            queue=FairQueue(limit=self.limit, limit_per_user=self.limit_per_user),
            rules=RuleBook(self.preferences),
            previews=self.previews,
            telling_gap=0,
        )

    async def restart(self) -> None:
        """Close the service, and start another one on the same stores."""
        await self.service.close()
        self.service = self.new_service()
        await self.service.start(recover=True)

    async def submit(self, request: ImagineRequest | str = "a fox", *, user: int = ANNA) -> Ticket:
        """Ask for something: a picture, where only a prompt is given."""
        if isinstance(request, str):
            request = ImagineRequest(prompt=request)
        return await self.service.submit(request, Origin(user_id=user, guild_id=9, channel_id=STUDIO))

    def row(self, ticket: Ticket) -> Job:
        """The job as the database has it."""
        return self.jobs.rows[ticket.job.id]


async def finished(ticket: Ticket) -> tuple[Generation, ...]:
    """The pictures of a job that ends well."""
    outcome = await ticket.outcome()
    assert isinstance(outcome, Finished), outcome
    return outcome.generations


async def failure(ticket: Ticket) -> AtelierError:
    """The error of a job that fails."""
    outcome = await ticket.outcome()
    assert isinstance(outcome, Failed), outcome
    return outcome.error


async def now(ticket: Ticket) -> Event:
    """What somebody who looks at the job now is told first."""
    return await anext(ticket.events())


async def let_all_run() -> None:
    """Let every task go on until it waits for something that only the test can bring."""
    for _ in range(20):
        await asyncio.sleep(0)


async def running(house: House) -> Ticket:
    """A job that is held before its first step."""
    house.engine.hold()
    ticket = await house.submit("the running one")
    await house.engine.begun.get()
    return ticket


async def a_source(house: House) -> Source:
    """A red picture, stored."""
    data = plain_file(Picture(64, 64, b"\xff\x00\x00" * 64 * 64))
    return replace(SOURCE, sha256=await house.images.put(data))
