"""One job, from its turn to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.core.errors import AtelierError, DeviceLostError, GenerationError, RestartingError
from bot.core.jobs import Cancelled, Failed, Finished, Outcome, Progress, Render, Suspended
from bot.core.live import LiveJob
from bot.core.making import JobMaker
from bot.core.ports import Clock, JobStore
from bot.core.progress import not_begun

log = logging.getLogger(__name__)


class JobRunner:
    """Runs a job on the engine, and keeps what comes of it."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        maker: JobMaker,
        load: Callable[[str], Awaitable[None]],
        clock: Clock,
        moved: Callable[[], None],
    ) -> None:
        """`load` sees to it that a model's capabilities are known; `moved` hears of every step."""
        self._jobs = jobs
        self._maker = maker
        self._load = load
        self._clock = clock
        self._moved = moved

    async def run(self, live: LiveJob) -> Outcome:
        """See a job through; raises nothing.

        On record are its beginning, and its end where it is made or put back; the rest is the caller's.
        """
        try:
            await self._jobs.start(live.job.id, self._clock.now())
            renders = await self._render(live)
            if renders is None:
                return Cancelled() if live.cancelled else await self._put_back(live)
            live.made = True
            return Finished(await self._maker.store(live.job, renders))
        except DeviceLostError as error:
            return Suspended(error)
        except AtelierError as error:
            if live.cancelled:  # its row says so already, and takes nothing else
                return Cancelled()
            log.warning("job %s failed: %r", live.job.id, error, exc_info=error.__cause__)
            return Failed(error)
        except Exception as error:
            log.exception("job %s failed", live.job.id)
            return Failed(GenerationError(live.job.recipe.model, str(error)))

    async def _render(self, live: LiveJob) -> list[Render] | None:
        """The pictures; None when the work was called off."""
        live.work = asyncio.create_task(self._work(live), name=f"job-{live.job.id}-work")
        if live.stopped:  # while its start was written down
            live.work.cancel()
        await asyncio.wait({live.work})
        return None if live.work.cancelled() else live.work.result()

    async def _work(self, live: LiveJob) -> list[Render]:
        def emit(progress: Progress) -> None:
            live.progress = progress
            self._moved()
            live.feed.emit(progress)

        live.progress = not_begun(live.job.recipes)
        live.feed.emit(live.progress)
        await self._load(live.job.recipe.model)
        return await self._maker.render(live.job, emit)

    async def _put_back(self, live: LiveJob) -> Suspended:
        """Nothing of it is lost but the steps that it had taken."""
        try:
            await self._jobs.put_back(live.job.id, crashed=False)
        except Exception:  # it stays running on record: the next start takes it for crashed
            log.exception("job %s could not be put back", live.job.id)
        return Suspended(RestartingError())
