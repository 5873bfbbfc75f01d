"""The one thread that owns the device. No event-loop work there, no device work on the loop.

A thread cannot be killed. One that hangs is given up: nobody waits for it any more, nobody hears of what it
still does, and it ends as soon as it comes back.
"""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from queue import SimpleQueue
from threading import Event
from typing import Any, Final, Generic, ParamSpec, TypeVar, TypeVarTuple

from bot.core.errors import AtelierError, EngineClosedError
from bot.engine.faults import release

P = ParamSpec("P")
T = TypeVar("T")
Told = TypeVarTuple("Told")

Work = Callable[[Event], T]
"""Runs on the device's thread; looks at the event now and then, and raises `Stopped` once it is set."""
LAST_WAIT: Final = 10.0
"""Seconds that the process's exit waits for a thread that nobody has closed or given up."""


class Stopped(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by work that saw its event set: what it had begun is dropped."""


class GivenUp(BaseException):
    """Raised on a thread that was given up, when it comes back: it has nothing more to do."""


class DeviceThread:
    """Runs one piece of work at a time, in the order in which it was handed in."""

    def __init__(self) -> None:
        self._thread = _Thread()
        self._calls: dict[Event, Future[Any]] = {}
        self._waits: set[asyncio.Future[None]] = set()
        self._end: Future[None] | None = None
        self._given_up: AtelierError | None = None
        self._thread.start()
        # A daemon in the middle of torch when the interpreter goes may take the process down with it.
        atexit.register(self._thread.leave)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called; it may still wait for running work."""
        return self._end is not None

    async def run(self, work: Work[T]) -> T:
        """Run `work` on the thread and return its result.

        When the awaiting task is cancelled, work that has not begun is dropped; work that has gets
        its event set, and CancelledError comes only once it is over: the device is free by then.

        Raises:
            EngineClosedError: after `close`, also when it came while the work waited or ran.
            AtelierError: as `wait_for`.
        """
        if self.is_closed:
            raise EngineClosedError
        stop = Event()
        call = self._submit(work, stop)
        self._calls[stop] = call
        try:
            await self.wait_for(call, on_cancel=lambda: _stop(stop, call))
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
        if self.is_closed:
            raise EngineClosedError
        self._submit(work)

    async def wait_for(self, outcome: Future[Any], on_cancel: Callable[[], None] = lambda: None) -> None:
        """Wait until `outcome` is over, come what may; then pass on the (last) cancellation, if one came.

        Raises:
            AtelierError: what the thread was given up with.
        """
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def end(_outcome: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # by now, there may be no loop any more
                loop.call_soon_threadsafe(_settle, over, None)

        outcome.add_done_callback(end)
        if self._given_up:
            _settle(over, self._given_up)
        cancellation: asyncio.CancelledError | None = None
        self._waits.add(over)
        try:
            while not over.done():
                try:
                    # Unlike `await over`, this leaves the future alone when the waiting task is cancelled.
                    await asyncio.wait([over])
                except asyncio.CancelledError as error:
                    cancellation = error
                    on_cancel()
        finally:
            self._waits.discard(over)
        stalled = over.exception()
        if cancellation is not None:
            raise cancellation
        if stalled is not None:
            raise stalled

    def teller(self, listener: Callable[[*Told], None]) -> Callable[[*Told], None]:
        """What has `listener` called on the running event loop, for use on the thread; never blocks.

        Nothing is told of what a thread does after it was given up.
        """
        loop = asyncio.get_running_loop()

        def on_loop(*args: *Told) -> None:
            if not self._given_up:
                listener(*args)

        def on_thread(*args: *Told) -> None:
            loop.call_soon_threadsafe(on_loop, *args)

        return on_thread

    def give_up(self, error: AtelierError) -> None:
        """Let go of a thread that hangs: who waits for it gets (a copy of) `error`, now and ever after.

        On the event loop's thread.
        """
        self._given_up = self._given_up or error
        atexit.unregister(self._thread.leave)
        self._thread.give_up()
        for over in self._waits:
            _settle(over, self._given_up)
        self._stop_all()

    async def close(self, last: Callable[[], None]) -> None:
        """Stop all work, run `last` on the thread, and end it. Safe to call twice.

        Returns at once, without `last`, when the thread is given up.
        """
        if self._end is None:
            self._stop_all()
            self._end = self._submit(last)
            self._thread.calls.put(None)
        with contextlib.suppress(AtelierError):
            await self.wait_for(self._end)
        if not self._given_up:
            self._thread.join()  # it is idle by now: this does not block the loop
            atexit.unregister(self._thread.leave)

    def _submit(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> Future[T]:
        call = _Call(work, *args, **named)
        self._thread.calls.put(call)
        return call.outcome

    def _stop_all(self) -> None:
        for stop, call in self._calls.items():
            _stop(stop, call)


def leave_if_given_up() -> None:
    """For work that comes back from code that may hang.

    Raises:
        GivenUp: the thread that this runs on was given up.
    """
    thread = threading.current_thread()
    if isinstance(thread, _Thread) and thread.is_given_up:
        raise GivenUp


class _Thread(threading.Thread):
    """A daemon, for the process's exit would wait for any other, hanging or not."""

    def __init__(self) -> None:
        super().__init__(name="device", daemon=True)
        self.calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        """None is the end."""
        self.is_given_up = False

    def run(self) -> None:
        while (call := self.calls.get()) is not None and not self.is_given_up:
            call.make()
            del call  # it would be held until the next one comes

    def give_up(self) -> None:
        self.is_given_up = True
        self.calls.put(None)  # in case that it waits for work

    def leave(self) -> None:
        """End it behind what waits, at the process's exit."""
        self.calls.put(None)
        self.join(LAST_WAIT)


class _Call(Generic[T]):
    """Work, and the future of what it returns."""

    def __init__(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> None:
        self._work = work
        self._args, self._named = args, named
        self.outcome: Future[T] = Future()

    def make(self) -> None:
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            self.outcome.set_result(self._work(*self._args, **self._named))
        except BaseException as error:  # noqa: BLE001 - the caller's, whatever it is
            release(error)
            self.outcome.set_exception(error)


def _stop(stop: Event, call: Future[T]) -> None:
    stop.set()
    call.cancel()  # does nothing to work that has begun


def _settle(over: asyncio.Future[None], error: AtelierError | None) -> None:
    if over.done():
        return
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(copy(error))
