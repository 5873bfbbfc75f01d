"""The one thread that owns the device."""

import asyncio
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator
from threading import Event

import pytest

from bot.core.errors import EngineClosedError, EngineStalledError
from bot.engine.worker import DeviceThread, Stopped, leave_if_given_up

PATIENCE = 30
"""Seconds until a test that hangs gives up."""


@pytest.fixture
async def thread() -> AsyncIterator[DeviceThread]:
    thread = DeviceThread()
    yield thread
    await thread.close(lambda: None)


class Gate:
    """Work that begins, and ends only when it is told to, or stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.open = Event()
        self.over = False

    def __call__(self, stop: Event) -> str:
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self.open.wait(PATIENCE)
        self.over = True
        if stop.is_set():
            raise Stopped
        return "done"


async def test_work_runs_on_a_thread_of_its_own_and_returns_its_result(thread: DeviceThread) -> None:
    name = await thread.run(lambda _stop: threading.current_thread().name)

    assert name.startswith("device")


async def test_all_work_runs_on_the_same_thread(thread: DeviceThread) -> None:
    idents = await asyncio.gather(*(thread.run(lambda _stop: threading.get_ident()) for _ in range(3)))

    assert len(set(idents)) == 1


async def test_an_error_of_the_work_comes_to_the_caller(thread: DeviceThread) -> None:
    def fail(_stop: Event) -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        await thread.run(fail)


async def test_an_error_of_the_work_holds_nothing_of_it(thread: DeviceThread) -> None:
    held: list[weakref.ref[Event]] = []

    def fail(_stop: Event) -> None:
        weights = Event()
        held.append(weakref.ref(weights))
        raise KeyError

    with pytest.raises(KeyError) as caught:
        await thread.run(fail)

    assert held[0]() is None
    assert caught.traceback[-1].name == "fail"


async def test_the_loop_goes_on_while_work_runs(thread: DeviceThread) -> None:
    gate = Gate()
    task = asyncio.create_task(thread.run(gate))

    await gate.begun.wait()
    gate.open.set()

    assert await task == "done"


async def test_cancel_waits_until_running_work_is_over(thread: DeviceThread) -> None:
    gate = Gate()
    task = asyncio.create_task(thread.run(gate))
    await gate.begun.wait()

    task.cancel("enough")
    await asyncio.sleep(0)
    assert not task.done()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task

    assert gate.over


async def test_a_second_cancel_does_not_let_go_of_running_work(thread: DeviceThread) -> None:
    gate = Gate()
    task = asyncio.create_task(thread.run(gate))
    await gate.begun.wait()

    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert gate.over


async def test_cancel_wins_over_a_result_that_came_too_late(thread: DeviceThread) -> None:
    begun, gate = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def deaf(_stop: Event) -> str:
        loop.call_soon_threadsafe(begun.set)
        assert gate.wait(PATIENCE)
        return "done"

    task = asyncio.create_task(thread.run(deaf))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    gate.set()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_work_that_has_not_begun_never_runs(thread: DeviceThread) -> None:
    gate, ran = Gate(), []
    running = asyncio.create_task(thread.run(gate))
    await gate.begun.wait()
    waiting = asyncio.create_task(thread.run(lambda _stop: ran.append(1)))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.open.set()
    await running

    assert ran == []


async def test_work_after_a_cancelled_one_runs_as_usual(thread: DeviceThread) -> None:
    gate = Gate()
    task = asyncio.create_task(thread.run(gate))
    await gate.begun.wait()
    task.cancel()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await thread.run(lambda stop: stop.is_set()) is False


async def test_close_stops_running_work_and_drops_waiting_work() -> None:
    thread, gate = DeviceThread(), Gate()
    running = asyncio.create_task(thread.run(gate))
    await gate.begun.wait()
    waiting = asyncio.create_task(thread.run(lambda _stop: None))
    await asyncio.sleep(0)

    closing = asyncio.create_task(thread.close(lambda: None))
    await asyncio.sleep(0)
    gate.open.set()
    await closing

    for task in (running, waiting):
        with pytest.raises(EngineClosedError):
            await task


async def test_close_runs_the_last_work_once_although_called_twice() -> None:
    thread, ran = DeviceThread(), []

    await asyncio.gather(thread.close(lambda: ran.append(1)), thread.close(lambda: ran.append(2)))

    assert ran == [1]


async def test_close_ends_the_thread() -> None:
    thread = DeviceThread()
    own = await thread.run(lambda _stop: threading.current_thread())

    await thread.close(lambda: None)

    assert not own.is_alive()


async def test_after_close_no_work_is_taken() -> None:
    thread = DeviceThread()
    await thread.close(lambda: None)

    with pytest.raises(EngineClosedError):
        await thread.run(lambda _stop: None)


# Giving up


@pytest.fixture
async def stuck() -> AsyncIterator[Gate]:
    """Work that hangs until the test is over."""
    gate = Gate()
    yield gate
    gate.open.set()


async def test_who_waits_for_a_thread_that_is_given_up_hears_why(stuck: Gate) -> None:
    thread, ran = DeviceThread(), []
    running = asyncio.create_task(thread.run(stuck))
    await stuck.begun.wait()
    waiting = asyncio.create_task(thread.run(lambda _stop: ran.append(1)))
    await asyncio.sleep(0)

    thread.give_up(EngineStalledError(60.0))

    for task in (running, waiting):
        with pytest.raises(EngineStalledError):
            await task
    with pytest.raises(EngineStalledError):
        await thread.run(lambda _stop: ran.append(2))
    assert ran == []


async def test_a_thread_that_was_given_up_ends_when_it_comes_back_and_does_nothing_more(stuck: Gate) -> None:
    thread, ran, own = DeviceThread(), [], []
    told: list[str] = []
    tell = thread.teller(told.append)

    def work(stop: Event) -> None:
        own.append(threading.current_thread())
        tell("before")
        stuck(stop)

    def attempted(stop: Event) -> None:
        try:
            work(stop)
        finally:
            tell("after")
            leave_if_given_up()
            ran.append(1)

    task = asyncio.create_task(thread.run(attempted))
    await stuck.begun.wait()
    thread.post(lambda: ran.append(2))
    thread.give_up(EngineStalledError(60.0))
    with pytest.raises(EngineStalledError):
        await task

    stuck.open.set()
    await asyncio.to_thread(own[0].join, PATIENCE)
    await asyncio.sleep(0)

    assert not own[0].is_alive()
    assert (ran, told) == ([], ["before"])


async def test_close_does_not_wait_for_a_thread_that_is_given_up(stuck: Gate) -> None:
    thread = DeviceThread()
    running = asyncio.create_task(thread.run(stuck))
    await stuck.begun.wait()
    closing = asyncio.create_task(thread.close(lambda: None))
    await asyncio.sleep(0)
    assert not closing.done()

    thread.give_up(EngineStalledError(60.0))

    await closing
    await thread.close(lambda: None)
    with pytest.raises(EngineStalledError):
        await running


def test_a_thread_that_was_given_up_and_one_that_was_forgotten_do_not_hold_up_the_exit() -> None:
    program = """
import asyncio
import subprocess
import sys
import threading
from bot.core.errors import EngineStalledError
from bot.engine.worker import DeviceThread

async def main():
    thread, begun = DeviceThread(), threading.Event()
    forgotten = DeviceThread()
    hung = asyncio.create_task(thread.run(lambda _stop: (begun.set(), threading.Event().wait())))
    await asyncio.to_thread(begun.wait)
    thread.give_up(EngineStalledError(60.0))
    await thread.close(lambda: None)
    await asyncio.gather(hung, return_exceptions=True)
    await forgotten.run(lambda _stop: print("done"))

asyncio.run(main())
"""
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
