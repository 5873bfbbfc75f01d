"""A small Discord on 127.0.0.1: real sockets, the routes that the bot uses, and faults on demand.

It knows nothing of pytest and nothing of the bot, so a bot in another process can use it as well.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self

from aiohttp import BodyPartReader, web

from tests.loopback import answers, shapes
from tests.loopback.answers import Answer
from tests.loopback.gateway import Gateway
from tests.loopback.messages import Messages, UnknownMessageError, Upload
from tests.loopback.script import Call, Script
from tests.loopback.shapes import API, GATEWAY, Json, gateway_at

TOKEN: Final = "MTA.loopback.token"
ORIGINAL: Final = "/webhooks/*/*/messages/@original"
FOLLOWUP: Final = "/webhooks/*"
CALLBACK: Final = "/interactions/*/*/callback"
CHANNEL_MESSAGES: Final = "/channels/*/messages"
CHANNEL_MESSAGE: Final = "/channels/*/messages/*"
COMMANDS: Final = "/applications/*/commands"

MAX_BODY: Final = 64 * 1024 * 1024
PATIENCE_SECONDS: Final = 20
"""Only a test that fails waits so long."""
_COMMAND, _COMPONENT = 2, 3
_THINKING, _LATER_EDIT, _MODAL = 5, 6, 9
"""Types of interactions, and of the callbacks that answer them."""
_CALL: Final = web.RequestKey("call", Call)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Pressed:
    """An interaction that was sent out, and what it was answered with so far."""

    id: int
    token: str
    clicked: int | None = None
    """The message whose component was used."""
    original: int | None = None
    """The message that is its first answer."""
    followups: list[int] = field(default_factory=list)
    modal: Json | None = None


class LoopbackDiscord:
    """`async with LoopbackDiscord() as discord:` serves until the end of the block."""

    def __init__(
        self, *, upload_limit: int = shapes.DEFAULT_UPLOAD_LIMIT, message_content: bool = False
    ) -> None:
        """`upload_limit` is what interactions tell the bot; only a scripted answer refuses a file."""
        self.upload_limit = upload_limit
        self.url = ""
        self.calls: list[Call] = []
        self.commands: list[Json] = []
        self.gateway = Gateway(TOKEN, message_content=message_content)
        self._ids = count(shapes.FIRST_FREE_ID)
        self.messages = Messages(self._ids)
        self._script = Script()
        self._pressed: dict[str, Pressed] = {}
        self._answered = asyncio.Condition()
        self._runner = web.AppRunner(self._app(), handle_signals=False, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self.gateway.url = gateway_at(self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.close()
        await self._runner.cleanup()

    def answer(
        self, method: str, pattern: str, given: Iterable[Answer | None], *, uploads: bool = False
    ) -> None:
        """Answer the next requests that match with `given`, one after the other; `OK` does as told.

        `itertools.repeat` never ends. With `uploads`, requests without files are not meant.
        """
        self._script.add(method, pattern, given, uploads=uploads)

    def calls_to(self, method: str, pattern: str, *, uploads: bool = False) -> list[Call]:
        """The requests that matched, in order."""
        return [call for call in self.calls if call.matches(method, pattern, uploads=uploads)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds; looked at after each answer."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._answered:
            await self._answered.wait_for(condition)

    async def send_slash(self, name: str, **options: str | float) -> Pressed:
        """Somebody uses a slash command; returns when the bot's first answer is there."""
        return await self._press(_COMMAND, shapes.slash(next(self._ids), name, options), None)

    async def send_component(
        self, message_id: int, custom_id: str, values: Sequence[str] | None = None
    ) -> Pressed:
        """Somebody presses a button, or with `values` chooses in a menu; returns as `send_slash`."""
        return await self._press(_COMPONENT, shapes.component(custom_id, values), message_id)

    async def send_message(self, content: str) -> int:
        """Somebody writes a message that mentions the bot; returns the message's id."""
        ada = shapes.user(shapes.USER_ID, "ada")
        message = self.messages.add(ada, {"content": content}, mentions=[shapes.bot_user()])
        guild = {"guild_id": str(shapes.GUILD_ID), "member": shapes.member(ada)}
        await self.gateway.dispatch("MESSAGE_CREATE", {**message, **guild})
        return int(message["id"])

    async def _press(self, kind: int, data: Json, clicked: int | None) -> Pressed:
        pressed = Pressed(next(self._ids), f"token-{next(self._ids)}", clicked)
        self._pressed[pressed.token] = pressed
        extra = {} if clicked is None else {"message": self.messages.get(clicked)}
        payload = shapes.interaction(
            pressed.id, pressed.token, kind, data, upload_limit=self.upload_limit, **extra
        )
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        callback = f"/interactions/{pressed.id}/*"
        await self.until(lambda: any(call.status is not None for call in self.calls_to("POST", callback)))
        return pressed

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._serve], client_max_size=MAX_BODY)
        routes: dict[str, dict[str, Handler]] = {
            "/users/@me": {"GET": _fixed(shapes.bot_user)},
            "/oauth2/applications/@me": {"GET": _fixed(shapes.application)},
            "/gateway/bot": {"GET": _fixed(self._gateway_bot)},
            "/applications/{app}/commands": {"PUT": self._put_commands},
            "/interactions/{id}/{token}/callback": {"POST": self._callback},
            "/webhooks/{app}/{token}": {"POST": self._followup},
            "/webhooks/{app}/{token}/messages/@original": self._one_message(),
            "/channels/{channel}/messages": {"GET": self._history, "POST": self._post},
            "/channels/{channel}/messages/{message}": self._one_message(),
        }
        for path, methods in routes.items():
            for method, handler in methods.items():
                app.router.add_route(method, API + path, handler)
        app.router.add_get(GATEWAY, self.gateway.connect)
        return app

    def _one_message(self) -> dict[str, Handler]:
        return {"GET": self._get, "PATCH": self._edit, "DELETE": self._delete}

    @web.middleware
    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record, answer from the script or do as told, and wake who waits for it."""
        if request.path == GATEWAY:
            return await handler(request)
        call = Call(request.method, request.path.removeprefix(API), *await _body(request))
        self.calls.append(call)
        request[_CALL] = call
        answer = self._script.next_for(call) or self._refused(request)
        try:
            response = _plain(answer) if answer else await handler(request)
        except UnknownMessageError:
            response = _plain(answers.MESSAGE_UNKNOWN)
        except shapes.UnknownAttachmentError:
            response = _plain(answers.BAD_FORM)
        call.status = response.status
        if answer is answers.DROPPED and request.transport is not None:
            call.status = 0
            request.transport.abort()
        async with self._answered:
            self._answered.notify_all()
        return response

    def _refused(self, request: web.Request) -> Answer | None:
        if token := request.match_info.get("token"):  # interactions and webhooks need no other
            return None if token in self._pressed else answers.TOKEN_UNKNOWN
        return None if request.headers.get("Authorization") == f"Bot {TOKEN}" else answers.UNAUTHORIZED

    def _gateway_bot(self) -> Json:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}

    async def _put_commands(self, request: web.Request) -> web.Response:
        fixed = {"application_id": str(shapes.APPLICATION_ID), "version": "1"}
        self.commands = [  # a context menu comes without a description, and goes back with an empty one
            {"description": "", **command, **fixed, "id": str(next(self._ids))}
            for command in _payload(request)
        ]
        return _json(self.commands)

    async def _callback(self, request: web.Request) -> web.Response:
        pressed = self._pressed[request.match_info["token"]]
        if pressed.original is not None or pressed.modal is not None:
            return _plain(answers.ALREADY_ANSWERED)
        kind, data = _payload(request)["type"], _payload(request).get("data") or {}
        told: Json = {"id": str(pressed.id), "type": _COMMAND if pressed.clicked is None else _COMPONENT}
        if kind == _MODAL:
            pressed.modal = data
        elif kind == _LATER_EDIT:
            pressed.original = pressed.clicked
        else:
            message = self.messages.add(shapes.bot_user(), data, _files(request))
            message["flags"] |= shapes.LOADING if kind == _THINKING else 0
            pressed.original = int(message["id"])
            told["response_message_id"] = message["id"]
        return _json({"interaction": told, "resource": {"type": kind}})

    async def _followup(self, request: web.Request) -> web.Response:
        message = self.messages.add(shapes.bot_user(), _payload(request), _files(request))
        self._pressed[request.match_info["token"]].followups.append(int(message["id"]))
        return _json(message)

    async def _history(self, request: web.Request) -> web.Response:
        return _json(self.messages.newest_first()[: int(request.query.get("limit", 50))])

    async def _post(self, request: web.Request) -> web.Response:
        payload = _payload(request)
        reference = {"message_reference": r} if (r := payload.get("message_reference")) else {}
        return _json(self.messages.add(shapes.bot_user(), payload, _files(request), **reference))

    async def _get(self, request: web.Request) -> web.Response:
        return _json(self.messages.get(self._message_id(request)))

    async def _edit(self, request: web.Request) -> web.Response:
        edited = self.messages.edit(self._message_id(request), _payload(request), _files(request))
        return _json(edited)

    async def _delete(self, request: web.Request) -> web.Response:
        self.messages.delete(self._message_id(request))
        return web.Response(status=204)

    def _message_id(self, request: web.Request) -> int:
        if token := request.match_info.get("token"):
            return self._pressed[token].original or 0
        message_id = int(request.match_info["message"])
        if self.messages.get(message_id)["flags"] & shapes.EPHEMERAL:
            raise UnknownMessageError(message_id)  # a private answer is reached by its interaction only
        return message_id


def _payload(request: web.Request) -> Any:
    return request[_CALL].payload


def _files(request: web.Request) -> tuple[Upload, ...]:
    return request[_CALL].files


def _fixed(body: Callable[[], Json]) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return _json(body())

    return handler


def _plain(answer: Answer) -> web.Response:
    if isinstance(answer.body, str):  # a dropped connection carries none, whatever its status
        return web.Response(status=answer.status or 500, text=answer.body, headers=answer.headers)
    return _json(answer.body, answer.status, answer.headers)


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """As Discord does, without a charset: discord.py takes anything else for text."""
    of_json = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=of_json)


async def _body(request: web.Request) -> tuple[Any, tuple[Upload, ...]]:
    """The payload and the files, whether they came as JSON or in parts (`payload_json`, `files[n]`)."""
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else None), ()
    payload: Any = None
    files: list[Upload] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader), "parts within parts"
        if part.name == "payload_json":
            payload = json.loads(await part.text())
        elif part.name and part.name.startswith("files["):
            files.append(Upload(part.filename or "", bytes(await part.read())))
    return payload, tuple(files)
