"""Interactions: sent out, acknowledged within three seconds, answered through their tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tests.loopback import answers, shapes
from tests.loopback.answers import RefusedError
from tests.loopback.channels import Channels
from tests.loopback.ids import Clock, made_at
from tests.loopback.messages import Messages, UnknownMessageError
from tests.loopback.one_message import OneMessage
from tests.loopback.shapes import Json
from tests.loopback.wire import Handler, as_json, files_of, payload_of

COMMAND, COMPONENT = 2, 3
_THINKING, _LATER_EDIT, _MODAL = 5, 6, 9
"""Types of interactions, and of the callbacks that answer them."""
ANSWER_WITHIN: Final = 3.0
"""Seconds for the first answer: with none, nobody can answer any more."""
TOKEN_LIFE: Final = 15 * 60.0
"""Seconds for which an interaction's token can be used."""


@dataclass(slots=True)
class Pressed:
    """An interaction that was sent out, and what it was answered with so far."""

    id: int
    token: str
    channel_id: int
    clicked: int | None = None
    """The message whose component was used."""
    acknowledged: bool = False
    original: int | None = None
    """The message that is its first answer."""
    followups: list[int] = field(default_factory=list)
    modal: Json | None = None


class Interactions:
    """All of them by token, and the routes that lead to their answers."""

    def __init__(
        self, ids: Iterator[int], clock: Clock, channels: Channels, messages: Messages, *, token_life: float
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._channels = channels
        self._messages = messages
        self._token_life = token_life
        self._sent: dict[str, Pressed] = {}

    def new(self, channel_id: int, clicked: int | None) -> Pressed:
        """One that is about to be sent out."""
        pressed = Pressed(next(self._ids), f"token-{next(self._ids)}", channel_id, clicked)
        self._sent[pressed.token] = pressed
        return pressed

    def routes(self) -> dict[str, dict[str, Handler]]:
        return {
            "/interactions/{id}/{token}/callback": {"POST": self._callback},
            "/webhooks/{app}/{token}": {"POST": self._followup},
            "/webhooks/{app}/{token}/messages/{message}": OneMessage(self._messages, self._find).handlers(),
        }

    async def _callback(self, request: web.Request) -> web.Response:
        pressed = self._sent.get(request.match_info["token"])
        if pressed is None:
            raise RefusedError(answers.INTERACTION_UNKNOWN)
        if pressed.acknowledged:
            raise RefusedError(answers.ALREADY_ANSWERED)
        if self._age(pressed) > ANSWER_WITHIN:
            raise RefusedError(answers.INTERACTION_UNKNOWN)
        kind, data = payload_of(request)["type"], payload_of(request).get("data") or {}
        told: Json = {"id": str(pressed.id), "type": COMMAND if pressed.clicked is None else COMPONENT}
        if kind == _MODAL:
            pressed.modal = data
        elif kind == _LATER_EDIT:
            pressed.original = pressed.clicked
        else:
            message = self._answer(pressed, request, data)
            message["flags"] |= shapes.LOADING if kind == _THINKING else 0
            pressed.original = int(message["id"])
            told["response_message_id"] = message["id"]
        pressed.acknowledged = True
        return as_json({"interaction": told, "resource": {"type": kind}})

    async def _followup(self, request: web.Request) -> web.Response:
        pressed, payload = self._of_token(request), payload_of(request)
        if pressed.original is not None and self._is_thinking(pressed.original):
            # Discord's manner of old: it takes the place of the "thinking", and is as private as that.
            shown = {**payload, "flags": (payload.get("flags") or 0) & ~shapes.EPHEMERAL}
            return as_json(self._messages.edit(pressed.original, shown, files_of(request)))
        message = self._answer(pressed, request, payload)
        pressed.followups.append(int(message["id"]))
        return as_json(message)

    def _answer(self, pressed: Pressed, request: web.Request, data: Json) -> Json:
        self._channels.get(pressed.channel_id)
        return self._messages.add(shapes.bot_user(), data, files_of(request), channel_id=pressed.channel_id)

    def _find(self, request: web.Request) -> int:
        """A message that is an answer to the interaction whose token is in the route."""
        pressed, named = self._of_token(request), request.match_info["message"]
        message_id = pressed.original if named == "@original" else int(named)
        if message_id is None or message_id not in (pressed.original, *pressed.followups):
            raise UnknownMessageError
        return message_id

    def _of_token(self, request: web.Request) -> Pressed:
        pressed = self._sent.get(request.match_info["token"])
        if pressed is None or not pressed.acknowledged:
            raise RefusedError(answers.TOKEN_UNKNOWN)
        if self._age(pressed) > self._token_life:
            raise RefusedError(answers.TOKEN_OVER)
        return pressed

    def _is_thinking(self, message_id: int) -> bool:
        try:
            return bool(self._messages.get(message_id)["flags"] & shapes.LOADING)
        except UnknownMessageError:
            return False

    def _age(self, pressed: Pressed) -> float:
        return self._clock() - made_at(pressed.id)
