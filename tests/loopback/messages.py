"""The loopback Discord's messages: made, edited, and read back with Discord's manners."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from tests.loopback import answers, shapes
from tests.loopback.answers import RefusedError
from tests.loopback.shapes import Json


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    name: str
    data: bytes


class UnknownMessageError(RefusedError):
    """There is no such message (any more)."""

    def __init__(self) -> None:
        super().__init__(answers.MESSAGE_UNKNOWN)


class Messages:
    """All messages by id, as they are read back. Ids grow, so their order is that of time."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._kept: dict[int, Json] = {}
        self.deleted: dict[int, Json] = {}
        """What was deleted, as it was last seen."""

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
        message["edited_timestamp"] = shapes.iso(next(self._ids))
        self._kept[message_id] = message
        return message

    def get(self, message_id: int) -> Json:
        """Raises UnknownMessageError."""
        if message_id not in self._kept:
            raise UnknownMessageError
        return self._kept[message_id]

    def delete(self, message_id: int) -> None:
        """Raises UnknownMessageError."""
        self.deleted[message_id] = self.get(message_id)
        del self._kept[message_id]

    def delete_channel(self, channel_id: int) -> None:
        """A channel's messages go with it, private answers too."""
        for message in self.everywhere():
            if message["channel_id"] == str(channel_id):
                self.delete(int(message["id"]))

    def everywhere(self) -> list[Json]:
        """All that there are, oldest first, private answers too."""
        return list(self._kept.values())

    def newest_first(self, channel_id: int = shapes.CHANNEL_ID) -> list[Json]:
        """What a channel's history shows to a bot: private answers are not in it."""
        return [
            message
            for message in reversed(self._kept.values())
            if message["channel_id"] == str(channel_id) and not message["flags"] & shapes.EPHEMERAL
        ]

    def page(
        self, channel_id: int, limit: int, *, before: int | None = None, after: int | None = None
    ) -> list[Json]:
        """Newest first, as Discord answers: the latest before an id, or the first after one."""
        history = self.newest_first(channel_id)
        if after is not None:
            return [message for message in history if int(message["id"]) > after][-limit:]
        return [message for message in history if before is None or int(message["id"]) < before][:limit]

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
