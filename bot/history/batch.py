"""Rows that come at the same moment are committed together: one sync of the disk for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Batch(Generic[T]):
    """While one commit runs, what comes meanwhile gathers for the next."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """`write` stores all that it is given, or raises and stores nothing."""
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, item: T) -> None:
        """Store one more; on return it survives a power cut. Raises what `write` raises.

        A caller who is cancelled gives up waiting: the item is stored all the same.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="batch")
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await self._try([item for item, _ in batch])
            for item, done in batch:
                # One bad row is nobody else's fault: each by itself, then.
                own = await self._try([item]) if error and len(batch) > 1 else error
                if done.cancelled():
                    continue
                if own is None:
                    done.set_result(None)
                else:
                    done.set_exception(own)

    async def _try(self, items: Sequence[T]) -> Exception | None:
        try:
            await self._write(items)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            return error
        return None
