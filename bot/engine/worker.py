"""The one thread that owns the device. No event-loop work there, no device work on the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

from bot.core.errors import EngineClosedError
from bot.engine.faults import release

T = TypeVar("T")

Work = Callable[[Event], T]
"""Runs on the device's thread; looks at the event now and then, and raises `Stopped` once it is set."""


class Stopped(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by work that saw its event set: what it had begun is dropped."""


class DeviceThread:
    """Runs one piece of work at a time, in the order in which it was handed in."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="device")
        self._calls: dict[Event, Future[Any]] = {}
        self._end: Future[None] | None = None

    async def run(self, work: Work[T]) -> T:
        """Run `work` on the thread and return its result.

        When the awaiting task is cancelled, work that has not begun is dropped; work that has gets
        its event set, and CancelledError comes only once it is over: the device is free by then.

        Raises:
            EngineClosedError: after `close`, also when it came while the work waited or ran.
        """
        if self._end is not None:
            raise EngineClosedError
        stop = Event()
        call = self._executor.submit(_run, work, stop)
        self._calls[stop] = call
        try:
            await wait_for(call, on_cancel=lambda: _stop(stop, call))
        finally:
            del self._calls[stop]
        if call.cancelled():
            raise EngineClosedError
        try:
            return call.result()
        except Stopped as outcome:
            raise EngineClosedError from outcome

    def post(self, work: Callable[[], None]) -> None:
        """Hand in work that nobody waits for and that raises nothing. From any thread.

        Raises:
            EngineClosedError: after `close`.
        """
        try:
            self._executor.submit(work)
        except RuntimeError as error:  # shut down
            raise EngineClosedError from error

    async def close(self, last: Callable[[], None]) -> None:
        """Stop all work, run `last` on the thread, and end it. Safe to call twice."""
        if self._end is None:
            for stop, call in self._calls.items():
                _stop(stop, call)
            self._end = self._executor.submit(last)
        await wait_for(self._end)
        self._executor.shutdown()  # the thread is idle by now: this does not block the loop


def _run(work: Work[T], stop: Event) -> T:
    try:
        return work(stop)
    except BaseException as error:
        release(error)
        raise


def _stop(stop: Event, call: Future[T]) -> None:
    stop.set()
    call.cancel()  # does nothing to work that has begun


async def wait_for(call: Future[T], on_cancel: Callable[[], None] = lambda: None) -> None:
    """Wait until `call` is over, come what may; then pass on the (last) cancellation, if one came."""
    over = asyncio.wrap_future(call)
    cancellation: asyncio.CancelledError | None = None
    while not over.done():
        try:
            # Unlike `await over`, this leaves the future alone when the waiting task is cancelled.
            await asyncio.wait([over])
        except asyncio.CancelledError as error:
            cancellation = error
            on_cancel()
    if not over.cancelled():
        over.exception()  # tell asyncio that the error, if any, has been seen
    if cancellation is not None:
        raise cancellation
