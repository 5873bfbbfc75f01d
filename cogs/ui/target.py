"""What a card's button is about: a whole job, or one of its pictures. Lives in custom ids."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from bot.core.ids import ALPHABET, ID_LENGTH, JobId

TARGET_PATTERN: Final = rf"(?P<job>[{ALPHABET}]{{{ID_LENGTH}}})(?:\.(?P<index>[0-9]))?"


class Action(StrEnum):
    """What a button on a card does."""

    REMIX = "remix"
    AGAIN = "again"
    LADDER = "ladder"
    DETAILS = "details"
    CANCEL = "cancel"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Target:
    """A job's card, or, with `index`, the card of one picture of that job."""

    job_id: JobId
    index: int | None = None

    def __str__(self) -> str:
        return self.job_id if self.index is None else f"{self.job_id}.{self.index}"

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """From a custom id that matched a template containing `TARGET_PATTERN`."""
        index = match["index"]
        return cls(JobId(match["job"]), None if index is None else int(index))
