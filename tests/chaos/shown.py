"""A message of the bot, as far as it says what became of a job."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Self
from urllib.parse import urlsplit

from bot.core.ids import ALPHABET, ID_LENGTH
from tests.loopback.shapes import EPHEMERAL, LOADING, Json, walk
from tests.loopback.stage import pictures_of, text_of

ID: Final = rf"[{ALPHABET}]{{{ID_LENGTH}}}"
BUTTON: Final = re.compile(rf"atelier:(?P<action>[a-z]+):(?P<job>{ID})(?:\.\d)?")
PLACEHOLDER: Final = "\N{HORIZONTAL ELLIPSIS} "
"""Stands where something else is about to: words that say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Live or deleted; a deleted one as it was last."""

    id: int
    text: str = ""
    jobs: frozenset[str] = frozenset()
    """Named by its buttons."""
    actions: frozenset[str] = frozenset()
    pictures: frozenset[str] = frozenset()
    """The ids of the pictures that it shows."""
    thinking: bool = False
    private: bool = False
    direct_to: int | None = None
    """Who else is in the channel, if that is one of direct messages."""
    reply_to: int | None = None
    deleted: bool = False

    @classmethod
    def of(cls, message: Json, *, direct_to: int | None = None, deleted: bool = False) -> Self:
        """Read a message as the loopback Discord keeps it."""
        buttons = [
            match
            for part in walk(message["components"])
            if (match := BUTTON.fullmatch(str(part.get("custom_id"))))
        ]
        names = (PurePosixPath(urlsplit(url).path).stem for url in pictures_of(message))
        reference = message.get("message_reference") or {}
        return cls(
            id=int(message["id"]),
            text=text_of(message),
            jobs=frozenset(match["job"] for match in buttons),
            actions=frozenset(match["action"] for match in buttons),
            pictures=frozenset(name for name in names if re.fullmatch(ID, name)),
            thinking=bool(message["flags"] & LOADING),
            private=bool(message["flags"] & EPHEMERAL),
            direct_to=direct_to,
            reply_to=int(reference["message_id"]) if "message_id" in reference else None,
            deleted=deleted,
        )

    @property
    def on_its_way(self) -> bool:
        """Whether it is the card of a job that can be called off."""
        return "cancel" in self.actions

    @property
    def tells_end(self) -> bool:
        """Whether it says in words how something ended: a card without pictures, or a sentence."""
        if self.thinking or self.on_its_way or self.pictures:
            return False
        if self.jobs:
            return "again" in self.actions
        return bool(self.text.strip(PLACEHOLDER)) and not self.deleted

    def is_private_to(self, user_id: int) -> bool:
        """Whether nobody else sees it."""
        return self.private or self.direct_to == user_id
