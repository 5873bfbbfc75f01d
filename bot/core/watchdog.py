"""Notices when the engine stands still."""

from typing import Final

from bot.core.ports import Clock

FACTOR: Final = 20.0
"""Times the expected time of a step that may pass without one."""
LEAST: Final = 60.0
"""Seconds that may pass in any case: a machine can be busy with something else."""
FIRST_STEP: Final = 900.0
"""Seconds for the first step of a job: its model may have to be loaded, measured and compiled."""


class Watchdog:
    """Told of every sign of life; says when they have been missing for too long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()

    def sign(self) -> None:
        """Something moved, or there was nothing to do until now."""
        self._last = self._clock.monotonic()

    def silence(self, expected_step: float, *, first_step: bool) -> float | None:
        """For how many seconds nothing has moved, if that is too long; else None.

        Args:
            expected_step: seconds between two steps of any picture, estimated.
            first_step: a job is at work that has not taken its first step.
        """
        allowed = max(LEAST, FACTOR * expected_step, FIRST_STEP if first_step else 0.0)
        silent = self._clock.monotonic() - self._last
        return silent if silent > allowed else None
