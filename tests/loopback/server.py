"""A small Discord on 127.0.0.1: real sockets, the routes that the bot uses, and faults on demand.

It knows nothing of pytest and nothing of the bot, so a bot in another process can use it as well.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Self

from aiohttp import web

from tests.loopback import answers, shapes
from tests.loopback.answers import Answer, RefusedError
from tests.loopback.channel_routes import ChannelRoutes
from tests.loopback.channels import Channels
from tests.loopback.gateway import Gateway
from tests.loopback.ids import Clock, Snowflakes
from tests.loopback.interactions import COMMAND, COMPONENT, TOKEN_LIFE, Interactions, Pressed
from tests.loopback.messages import Messages
from tests.loopback.nonces import NONCE_LIFE, Nonces
from tests.loopback.people import People
from tests.loopback.script import Call, Script
from tests.loopback.shapes import API, CHANNEL_ID, GATEWAY, USER_ID, Json, gateway_at
from tests.loopback.wire import CALL, Handler, as_json, fixed, payload_of, plain, read_body

TOKEN: Final = "MTA.loopback.token"
ORIGINAL: Final = "/webhooks/*/*/messages/*"
"""By its id, or as @original."""
ANSWER: Final = "/webhooks/*/*/messages/[0-9]*"
FOLLOWUP: Final = "/webhooks/*"
CALLBACK: Final = "/interactions/*/*/callback"
DIRECT_MESSAGES: Final = "/users/@me/channels"
CHANNEL_MESSAGES: Final = "/channels/*/messages"
CHANNEL_MESSAGE: Final = "/channels/*/messages/*"
COMMANDS: Final = "/applications/*/commands"

MAX_BODY: Final = 64 * 1024 * 1024
PATIENCE_SECONDS: Final = 20
"""Only a test that fails waits so long."""

OnCall = Callable[[Call], Awaitable[None]]


async def _at_once(_: Call) -> None:
    """Discord takes no time."""


class LoopbackDiscord:
    """`async with LoopbackDiscord() as discord:` serves until the end of the block."""

    def __init__(
        self,
        *,
        upload_limit: int = shapes.DEFAULT_UPLOAD_LIMIT,
        message_content: bool = False,
        clock: Clock = time.time,
        token_life: float = TOKEN_LIFE,
        nonce_life: float = NONCE_LIFE,
    ) -> None:
        """`upload_limit` is what interactions tell the bot; only a scripted answer refuses a file."""
        self.upload_limit = upload_limit
        self.url = ""
        self.calls: list[Call] = []
        self.on_call: OnCall = _at_once
        """Awaited when a request has been read, and again when it is done but not yet answered."""
        self.commands: list[Json] = []
        self._ids = Snowflakes(clock)
        self.people = People()
        self.channels = Channels(self._ids)
        self.messages = Messages(self._ids)
        self.gateway = Gateway(
            TOKEN, lambda: shapes.guild(self.channels.of_server()), message_content=message_content
        )
        self._interactions = Interactions(
            self._ids, clock, self.channels, self.messages, token_life=token_life
        )
        self._nonces = Nonces(clock, nonce_life)
        self._script = Script()
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

    async def send_slash(
        self,
        name: str,
        *,
        user_id: int = USER_ID,
        user_name: str | None = None,
        channel_id: int = CHANNEL_ID,
        **options: str | float,
    ) -> Pressed:
        """Somebody uses a slash command; returns when the bot's first answer is there."""
        data = shapes.slash(next(self._ids), name, options)
        author = self.people.user(user_id, user_name)
        return await self._first_answer(await self.press(COMMAND, data, author, channel_id))

    async def send_component(
        self,
        message_id: int,
        custom_id: str,
        values: Sequence[str] | None = None,
        *,
        user_id: int = USER_ID,
        user_name: str | None = None,
    ) -> Pressed:
        """Somebody presses a button, or with `values` chooses in a menu; returns as `send_slash`."""
        data = shapes.component(custom_id, values)
        channel_id = int(self.messages.get(message_id)["channel_id"])
        author = self.people.user(user_id, user_name)
        return await self._first_answer(await self.press(COMPONENT, data, author, channel_id, message_id))

    async def send_message(
        self,
        content: str,
        *,
        user_id: int = USER_ID,
        user_name: str | None = None,
        channel_id: int = CHANNEL_ID,
    ) -> int:
        """Somebody writes a message that mentions the bot; returns the message's id."""
        author, channel = self.people.user(user_id, user_name), self.channels.get(channel_id)
        mentions = [shapes.bot_user()]
        message = self.messages.add(author, {"content": content}, channel_id=channel_id, mentions=mentions)
        origin = shapes.where(author, channel) if "guild_id" in channel else {}
        await self.gateway.dispatch("MESSAGE_CREATE", {**message, **origin})
        return int(message["id"])

    async def press(
        self, kind: int, data: Json, author: Json, channel_id: int = CHANNEL_ID, clicked: int | None = None
    ) -> Pressed:
        """Send an interaction out, and do not wait for its answer."""
        pressed = self._interactions.new(channel_id, clicked)
        payload = shapes.interaction(
            pressed.id,
            pressed.token,
            kind,
            data,
            author=author,
            channel=self.channels.get(channel_id),
            upload_limit=self.upload_limit,
            **({} if clicked is None else {"message": self.messages.get(clicked)}),
        )
        await self.gateway.dispatch("INTERACTION_CREATE", payload)
        return pressed

    async def add_channel(self, name: str) -> int:
        """One more channel in the server; its id."""
        channel = self.channels.add(name)
        await self.gateway.dispatch("CHANNEL_CREATE", channel)
        return int(channel["id"])

    async def delete_channel(self, channel_id: int) -> None:
        """Somebody deletes a channel, and its messages with it."""
        channel = self.channels.delete(channel_id)
        self.messages.delete_channel(channel_id)
        await self.gateway.dispatch("CHANNEL_DELETE", channel)

    async def delete_message(self, message_id: int) -> None:
        """Somebody deletes a message."""
        self.messages.delete(message_id)
        message = self.messages.deleted[message_id]
        channel = self.channels.get(int(message["channel_id"]))
        origin = {"guild_id": channel["guild_id"]} if "guild_id" in channel else {}
        names = {key: message[key] for key in ("id", "channel_id")}
        await self.gateway.dispatch("MESSAGE_DELETE", {**names, **origin})

    async def _first_answer(self, pressed: Pressed) -> Pressed:
        callback = f"/interactions/{pressed.id}/*"
        await self.until(lambda: any(call.status is not None for call in self.calls_to("POST", callback)))
        return pressed

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._serve], client_max_size=MAX_BODY)
        routes: dict[str, dict[str, Handler]] = {
            "/users/@me": {"GET": fixed(shapes.bot_user)},
            "/oauth2/applications/@me": {"GET": fixed(shapes.application)},
            "/gateway/bot": {"GET": fixed(self._gateway_bot)},
            "/applications/{app}/commands": {"PUT": self._put_commands},
            **self._interactions.routes(),
            **ChannelRoutes(self.channels, self.messages, self.people, self._nonces).routes(),
        }
        for path, methods in routes.items():
            for method, handler in methods.items():
                app.router.add_route(method, API + path, handler)
        app.router.add_get(GATEWAY, self.gateway.connect)
        return app

    @web.middleware
    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record, answer from the script or do as told, and wake who waits for it."""
        if request.path == GATEWAY:
            return await handler(request)
        call = Call(request.method, request.path.removeprefix(API), *await read_body(request))
        self.calls.append(call)
        request[CALL] = call
        answer = self._script.next_for(call)
        await self.on_call(call)
        if answer is None or answer.carried_out:
            response = await self._carried_out(request, handler)
        else:
            response = plain(answer)
        dropped = answer is not None and not answer.status
        call.status = 0 if dropped else response.status
        await self.on_call(call)
        if dropped and request.transport is not None:
            request.transport.abort()
        async with self._answered:
            self._answered.notify_all()
        return response

    async def _carried_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # Interactions and webhooks need no other token than their own.
        known = "token" in request.match_info or request.headers.get("Authorization") == f"Bot {TOKEN}"
        try:
            return await handler(request) if known else plain(answers.UNAUTHORIZED)
        except RefusedError as error:
            return plain(error.answer)
        except shapes.UnknownAttachmentError:
            return plain(answers.BAD_FORM)

    def _gateway_bot(self) -> Json:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}

    async def _put_commands(self, request: web.Request) -> web.Response:
        known = {"application_id": str(shapes.APPLICATION_ID), "version": "1"}
        self.commands = [  # a context menu comes without a description, and goes back with an empty one
            {"description": "", **command, **known, "id": str(next(self._ids))}
            for command in payload_of(request)
        ]
        return as_json(self.commands)
