"""How far apart the edits of one card are."""

from typing import Final

LEAST: Final = 1.5
"""Seconds: Discord allows about five edits in five seconds per channel."""
EDITS_PER_SECOND: Final = 10.0
"""Of all cards together: a fifth of Discord's 50 requests per second for one bot."""
SLOWDOWN: Final = 2.0
"""Times an edit's own time: discord.py waits out a 429 within it, so that is how one shows."""
AFTER_REFUSAL: Final = 10.0
"""Seconds after an edit that Discord did not take."""


def gap(*, cards: int, took: float, refused: bool) -> float:
    """Seconds to the next edit.

    Args:
        cards: how many live cards there are.
        took: seconds that the last edit took.
        refused: whether it failed.
    """
    return max(LEAST, cards / EDITS_PER_SECOND, SLOWDOWN * took, AFTER_REFUSAL if refused else 0.0)
