"""The loopback Discord's messages: made, edited, and read back with Discord's manners."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from tests.loopback import shapes
from tests.loopback.shapes import Json


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    name: str
    data: bytes


class UnknownMessageError(Exception):
    """There is no such message (any more)."""


class Messages:
    """All messages by id, as they are read back."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._kept: dict[int, Json] = {}

    def add(
        self,
        author: Json,
        payload: Json,
        files: Sequence[Upload] = (),
        *,
        channel_id: int = shapes.CHANNEL_ID,
        **fields: object,
    ) -> Json:
        """A new message of `payload`, as a request or a callback carries it.

        Raises:
            shapes.UnknownAttachmentError: a component shows a file that was not sent along.
        """
        message = shapes.message(next(self._ids), author, channel_id=channel_id)
        self._fill(message, payload, files)
        message |= fields
        self._kept[int(message["id"])] = message
        return message

    def edit(self, message_id: int, payload: Json, files: Sequence[Upload]) -> Json:
        """Change what `payload` names; the answer to a command stops loading.

        Raises:
            UnknownMessageError: it is gone.
            shapes.UnknownAttachmentError: as for `add`; the message stays as it is.
        """
        message = deepcopy(self.get(message_id))
        self._fill(message, payload, files)
        message["flags"] = message["flags"] & ~shapes.LOADING
        message["edited_timestamp"] = shapes.EPOCH
        self._kept[message_id] = message
        return message

    def get(self, message_id: int) -> Json:
        """Raises UnknownMessageError."""
        if message_id not in self._kept:
            raise UnknownMessageError(message_id)
        return self._kept[message_id]

    def delete(self, message_id: int) -> None:
        """Raises UnknownMessageError."""
        self.get(message_id)
        del self._kept[message_id]

    def newest_first(self) -> list[Json]:
        """What a channel's history shows to a bot: private answers are not in it."""
        return [m for m in reversed(self._kept.values()) if not m["flags"] & shapes.EPHEMERAL]

    def _fill(self, message: Json, payload: Json, files: Sequence[Upload]) -> None:
        message["content"] = payload.get("content", message["content"]) or ""
        message["flags"] |= payload.get("flags") or 0
        if "components" in payload or "attachments" in payload:
            wanted = {entry["filename"] for entry in payload.get("attachments") or () if "filename" in entry}
            attachments = [
                shapes.attachment(next(self._ids), int(message["channel_id"]), file.name, len(file.data))
                for file in files
                if file.name in wanted
            ]
            components = deepcopy(payload["components"] if "components" in payload else message["components"])
            message["attachments"] = shapes.shown(components, attachments)
            message["components"] = components
