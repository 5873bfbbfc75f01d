"""What one device thread of the step engine has in hand: it comes in here, and is made here.

When a thread hangs, the engine goes on with a shift of its own, and the old one keeps what it had: there is
nothing that both would change.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from copy import copy
from typing import Any, Protocol, TypeVar

from bot.core.catalog import Capabilities
from bot.core.errors import (
    AtelierError,
    DeviceLostError,
    DeviceMemoryError,
    EngineClosedError,
    GenerationError,
)
from bot.engine.batcher import Batcher
from bot.engine.capabilities import check
from bot.engine.denoising import Order
from bot.engine.families import find_family
from bot.engine.families.family import Family
from bot.engine.faults import describe, is_device_lost, release
from bot.engine.host import Host
from bot.engine.lanes import Lanes
from bot.engine.loading import LoadedModel
from bot.engine.pipeline_engine import make
from bot.engine.planner import Bucket
from bot.engine.steps import StepWatch
from bot.engine.worker import Stopped

T = TypeVar("T")
log = logging.getLogger(__name__)


class Arrival(Protocol[T]):
    """What comes in: an order, or a wish for a model."""

    model: str
    stop: threading.Event
    outcome: "Future[T]"


class Loading:
    """A wish for a model, in line with the wishes for pictures."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.stop = threading.Event()
        self.outcome: Future[Capabilities] = Future()


class Shift:
    """Takes in, and makes. Sets what it wants of `host`, which is its own.

    Args:
        clock: seconds.
        lanes: what was measured before; None for nothing.
    """

    def __init__(self, host: Host, clock: Callable[[], float], lanes: Lanes | None = None) -> None:
        self._host = host
        self.batcher = Batcher(host.options, self._make_room, clock, lanes)
        host.in_use = lambda: self.batcher.models
        host.adapt = self._adapt
        self._inbox: deque[Arrival[Any]] = deque()
        self._at_pipeline: Order | None = None
        self._needs_quiet: Arrival[Any] | None = None
        """First in line, and does not fit beside what is being made: it was tried."""
        self._lock = threading.Lock()
        """Guards the inbox and the two below, which the loop's thread and the device's both change."""
        self._turning = False
        self._end: AtelierError | None = None
        """Why nothing is taken any more."""

    async def serve(self, arrival: "Arrival[T]") -> T:
        """Have it made.

        Raises:
            EngineError: why not; see `Engine.generate` and `Engine.load`.
        """
        with self._lock:
            if self._end:
                raise copy(self._end)
            self._inbox.append(arrival)
            if not self._turning:
                self._turning = True
                self._host.thread.post(self._turn)
        await self._host.thread.wait_for(arrival.outcome, on_cancel=arrival.stop.set)
        try:
            return arrival.outcome.result()
        except Stopped as outcome:  # stopped, but not by its caller
            raise EngineClosedError from outcome

    def end(self, error: AtelierError) -> None:
        """Take nothing more, and begin nothing more; what is begun goes on to the end of its step."""
        with self._lock:
            self._end = self._end or error
        if at_pipeline := self._at_pipeline:
            at_pipeline.stop.set()

    async def close(self) -> None:
        """End everything, and the thread."""
        self.end(EngineClosedError())
        await self._host.close(self._drop_all)

    # From here on, everything runs on the device's thread.

    def _turn(self) -> None:
        """Take in what came, tick once, and come back for more; other work gets its turn in between."""
        if not self._end:
            try:
                self._take_in()
                self.batcher.tick()
            except DeviceLostError as error:
                self._lose(error)
            except Exception as error:
                # A fault of ours: what is being made ends with it, the rest goes on.
                log.exception("the step engine failed")
                self.batcher.drop(GenerationError("", describe(error)))
        with self._lock:
            self._turning = not self._end and (self.batcher.is_busy or bool(self._inbox))
            if self._turning:
                self._host.thread.post(self._turn)

    def _take_in(self) -> None:
        """Hand the waiting orders on, in the order in which they came.

        One whose model has no room waits until nothing is being made, and those behind it wait too: else
        it might wait for ever.
        """
        with self._lock:
            stopped = [arrival for arrival in self._inbox if arrival.stop.is_set()]
            for arrival in stopped:
                self._inbox.remove(arrival)
        for arrival in stopped:
            arrival.outcome.set_exception(Stopped())
        while self._inbox and not self._end:
            first = self._inbox[0]
            if not self._has_room_for(first):
                return
            if not self._admit(first):
                self._needs_quiet = first
                return
            self._inbox.popleft()
            if isinstance(first, Order) and first.outcome.done():
                return  # a pipeline made it: now it is the others' turn

    def _has_room_for(self, arrival: "Arrival[Any]") -> bool:
        if not self.batcher.is_busy:
            return True
        return arrival is not self._needs_quiet and self._host.residents.has_room_for(arrival.model)

    def _admit(self, arrival: "Arrival[Any]") -> bool:
        """Do what `arrival` is for, its model in memory; False when that must wait for others to end."""
        try:
            model = self._host.residents.get(self._host.catalog.get(arrival.model))
            if arrival.stop.is_set():
                arrival.outcome.set_exception(Stopped())
            elif isinstance(arrival, Order):
                self._begin(arrival, model)
            else:
                self._measure(model)
                arrival.outcome.set_result(model.capabilities)
        except DeviceLostError:
            raise
        except DeviceMemoryError as error:
            if self.batcher.is_busy:
                return False
            arrival.outcome.set_exception(error)
        except Exception as error:
            if is_device_lost(error):
                raise DeviceLostError(describe(error)) from error
            release(error)
            arrival.outcome.set_exception(error)
        return True

    def _begin(self, order: Order, model: LoadedModel) -> None:
        check(order.recipe, model.capabilities)
        if model.family:
            self.batcher.add(order, model, model.family)
            return
        self._at_pipeline = order
        if self._end:  # just now
            order.stop.set()
        try:
            watch = StepWatch(order.on_step, order.stop)
            order.outcome.set_result(make(self._host, model, order.recipe, order.source, watch))
        finally:
            self._at_pipeline = None

    def _measure(self, model: LoadedModel) -> None:
        if model.family:
            spec = model.spec
            self.batcher.prepare(Bucket(spec.name, spec.width, spec.height), model.family)

    def _adapt(self, model: LoadedModel) -> Family | None:
        options, on_cuda = self._host.options, self._host.device.startswith("cuda")
        if on_cuda and options.offload != "none":
            return None  # what moves in and out of memory by its pipeline's hooks must be called by it
        wanted = model.spec.compile if options.compile == "auto" else options.compile == "on"
        return find_family(model.text_to_image, compiled=on_cuda and wanted)

    def _make_room(self) -> None:
        self._host.residents.keep(1)
        self._host.free()

    def _lose(self, error: DeviceLostError) -> None:
        log.error("the device is lost: %s", error.detail)
        with self._lock:
            self._end = error
        self._drop_all()

    def _drop_all(self) -> None:
        error = self._end or EngineClosedError()
        self.batcher.drop(error)
        while self._inbox:
            self._inbox.popleft().outcome.set_exception(copy(error))
