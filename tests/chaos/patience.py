"""Waiting for what nobody announces."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

GLANCE: Final = 0.01
"""Seconds between two looks."""


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until `condition` holds, for so long; whether it does."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(GLANCE)
    return holds
