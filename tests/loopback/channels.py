"""The places that messages are in: the server's channels, and the bot's with one user each."""

from collections.abc import Iterator

from tests.loopback import answers, shapes
from tests.loopback.answers import Answer, RefusedError
from tests.loopback.shapes import Json


class Channels:
    """By id. There is one from the start."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._kept: dict[int, Json] = {shapes.CHANNEL_ID: shapes.channel(shapes.CHANNEL_ID, "studio")}
        self._refusals: dict[int, Answer] = {}

    def add(self, name: str) -> Json:
        """One more in the server."""
        channel = shapes.channel(next(self._ids), name)
        self._kept[int(channel["id"])] = channel
        return channel

    def direct(self, recipient: Json) -> Json:
        """The bot's channel with this user, the same each time."""
        known = self.direct_with(int(recipient["id"]))
        if known is not None:
            return self._kept[known]
        channel = shapes.direct_messages(next(self._ids), recipient)
        self._kept[int(channel["id"])] = channel
        return channel

    def direct_with(self, user_id: int) -> int | None:
        """The channel's id, if there is one."""
        with_whom = {user_id: channel_id for channel_id, user_id in self.recipients().items()}
        return int(with_whom[user_id]) if user_id in with_whom else None

    def recipients(self) -> dict[str, int]:
        """Whom each channel of direct messages is with."""
        return {
            channel["id"]: int(recipient["id"])
            for channel in self._kept.values()
            for recipient in channel.get("recipients", ())
        }

    def of_server(self) -> list[Json]:
        return [channel for channel in self._kept.values() if "guild_id" in channel]

    def get(self, channel_id: int) -> Json:
        """Raises RefusedError when there is no such channel (any more)."""
        if channel_id not in self._kept:
            raise RefusedError(answers.CHANNEL_UNKNOWN)
        return self._kept[channel_id]

    def enter(self, channel_id: int) -> Json:
        """The channel, for a request to it; answers to interactions need not come this way.

        Raises:
            RefusedError: it is gone, or the bot may not.
        """
        channel = self.get(channel_id)
        if channel_id in self._refusals:
            raise RefusedError(self._refusals[channel_id])
        return channel

    def forbid(self, channel_id: int, answer: Answer = answers.MISSING_ACCESS) -> None:
        """From now on, each request to it is answered so."""
        self._refusals[channel_id] = answer

    def allow(self, channel_id: int) -> None:
        """As it was before."""
        del self._refusals[channel_id]

    def delete(self, channel_id: int) -> Json:
        """What there was. Raises RefusedError as `get` does."""
        channel = self.get(channel_id)
        del self._kept[channel_id]
        return channel
