"""`python -m tests.simulation.memory`: many jobs through one service, and what is left of them.

In a process of its own: a test's has too much else in it. Prints one line of JSON.
"""

import asyncio
import ctypes
import gc
import json
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from bot.core.ids import JobId
from bot.core.jobs import Finished, Generation, JobStatus
from bot.core.requests import ImagineRequest
from tests.core.house import House
from tests.core.stores import MemoryHistory, MemoryImages, MemoryJobs

FIRST: Final = 1_000
JOBS: Final = 10_000
AT_ONCE: Final = 24
"""More than there are slots, so that some wait."""
USERS: Final = 100
STATM: Final = Path("/proc/self/statm")


class ForgetfulJobs(MemoryJobs):
    """A job that is settled is forgotten: what is to be measured is the service."""

    async def settle(self, job_id: JobId) -> None:
        await super().settle(job_id)
        self.told.clear()
        assert self.rows.pop(job_id).status is JobStatus.DONE


class ForgetfulHistory(MemoryHistory):
    async def complete(self, job_id: JobId, generations: Sequence[Generation], at: float) -> None:
        await super().complete(job_id, generations, at)
        self.rows.clear()


class ForgetfulImages(MemoryImages):
    async def put(self, data: bytes) -> str:
        sha256 = await super().put(data)
        self.files.clear()
        return sha256


def forgetful_house() -> House:
    house = House()
    house.engine.slots = 16
    house.engine.estimates = 10.0
    house.jobs = ForgetfulJobs(house.log)
    house.history = ForgetfulHistory(house.jobs)
    house.images = ForgetfulImages(house.log)
    house.service = house.new_service()
    return house


def resident() -> int:
    """Bytes, once all is given back that can be."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def make(house: House, numbers: "count[int]", jobs: int) -> None:
    """So many jobs, of many users in turn."""
    last = next(numbers) + jobs

    async def one_after_the_other() -> None:
        while (number := next(numbers)) < last:
            request = ImagineRequest(prompt=f"{number}", num_inference_steps=2, size=(64, 64))
            ticket = await house.submit(request, user=1 + number % USERS)
            assert isinstance(await ticket.outcome(), Finished)
            await house.service.settle(ticket.job.id)
            # What the fakes write down of it.
            house.log.clear()
            house.engine.recipes.clear()
            house.engine.sources.clear()
            while not house.engine.begun.empty():
                house.engine.begun.get_nowait()

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


async def main() -> dict[str, Any]:
    house = forgetful_house()
    await house.service.start(recover=False)
    idle = len(asyncio.all_tasks())
    numbers = count()
    await make(house, numbers, FIRST)
    first = resident()
    await make(house, numbers, JOBS - FIRST)
    last = resident()
    service, queue = house.service, house.service._queue
    left = {
        "live": len(service._live),
        "users": len(queue._users),
        "waiting": len(queue._waiting),
        "running": len(queue._running),
        "reserved": len(queue._reserved),
        "tasks": len(asyncio.all_tasks()) - idle,
        "rows": len(house.jobs.rows),
    }
    await service.close()
    return {"first": first, "last": last, "made": house.engine.decodes, "left": left}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))  # noqa: T201 - a command
