"""What the bot does as itself: opening direct messages, reading history, posting, editing."""

from typing import Final

from aiohttp import web

from tests.loopback import answers, shapes
from tests.loopback.answers import RefusedError
from tests.loopback.channels import Channels
from tests.loopback.messages import Messages, UnknownMessageError
from tests.loopback.nonces import LONGEST, Nonces
from tests.loopback.one_message import OneMessage
from tests.loopback.people import People
from tests.loopback.shapes import Json
from tests.loopback.wire import Handler, as_json, files_of, payload_of

LONGEST_PAGE: Final = 100
"""Messages of one page of history."""


class ChannelRoutes:
    """`/channels` and `/users`."""

    def __init__(self, channels: Channels, messages: Messages, people: People, nonces: Nonces) -> None:
        self._channels = channels
        self._messages = messages
        self._people = people
        self._nonces = nonces

    def routes(self) -> dict[str, dict[str, Handler]]:
        return {
            "/users/@me/channels": {"POST": self._open},
            "/users/{user}": {"GET": self._user},
            "/channels/{channel}": {"GET": self._channel},
            "/channels/{channel}/messages": {"GET": self._history, "POST": self._post},
            "/channels/{channel}/messages/{message}": OneMessage(self._messages, self._find).handlers(),
        }

    async def _open(self, request: web.Request) -> web.Response:
        recipient = self._people.user(int(payload_of(request)["recipient_id"]))
        return as_json(self._channels.direct(recipient))

    async def _user(self, request: web.Request) -> web.Response:
        return as_json(self._people.user(int(request.match_info["user"])))

    async def _channel(self, request: web.Request) -> web.Response:
        return as_json(self._enter(request))

    async def _history(self, request: web.Request) -> web.Response:
        channel_id = int(self._enter(request)["id"])
        asked = {key: int(value) for key, value in request.query.items()}
        limit = asked.get("limit", 50)
        if not 1 <= limit <= LONGEST_PAGE:
            raise RefusedError(answers.BAD_FORM)
        page = self._messages.page(channel_id, limit, before=asked.get("before"), after=asked.get("after"))
        return as_json(page)

    async def _post(self, request: web.Request) -> web.Response:
        channel_id = int(self._enter(request)["id"])
        payload = payload_of(request)
        nonce: str | None = payload.get("nonce")
        if nonce is None:
            return as_json(self._new(channel_id, request))
        if len(nonce) > LONGEST:
            raise RefusedError(answers.BAD_FORM)
        message = self._earlier(nonce) if payload.get("enforce_nonce") else None
        if message is None:
            message = self._new(channel_id, request)
            self._nonces.remember(nonce, int(message["id"]))
        return as_json({**message, "nonce": nonce})

    def _new(self, channel_id: int, request: web.Request) -> Json:
        payload = payload_of(request)
        replied_to = (payload.get("message_reference") or {}).get("message_id")
        reference = shapes.reply(int(replied_to), channel_id) if replied_to else {}
        return self._messages.add(
            shapes.bot_user(), payload, files_of(request), channel_id=channel_id, **reference
        )

    def _earlier(self, nonce: str) -> Json | None:
        """The message that the nonce made; not one that was deleted since."""
        message_id = self._nonces.message_of(nonce)
        try:
            return None if message_id is None else self._messages.get(message_id)
        except UnknownMessageError:
            return None

    def _enter(self, request: web.Request) -> Json:
        return self._channels.enter(int(request.match_info["channel"]))

    def _find(self, request: web.Request) -> int:
        channel, message_id = self._enter(request), int(request.match_info["message"])
        message = self._messages.get(message_id)
        # A private answer is reached by its interaction only.
        if message["flags"] & shapes.EPHEMERAL or message["channel_id"] != channel["id"]:
            raise UnknownMessageError
        return message_id
