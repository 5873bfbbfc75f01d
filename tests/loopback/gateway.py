"""The loopback Discord's gateway: HELLO, IDENTIFY or RESUME, heartbeats, and events."""

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from aiohttp import web

from tests.loopback import shapes
from tests.loopback.shapes import Json

HEARTBEAT_INTERVAL_MS: Final = 41_250
MESSAGE_CONTENT: Final = 1 << 15
BAD_TOKEN: Final = 4004
INTENT_REFUSED: Final = 4014
TRY_AGAIN: Final = 4000


class Op(IntEnum):
    """Discord's gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    HELLO = 10
    HEARTBEAT_ACK = 11


class Gateway:
    """One bot at a time. What it misses while away is sent again when it resumes."""

    def __init__(self, token: str, guild: Callable[[], Json], *, message_content: bool) -> None:
        self.message_content = message_content
        """Whether the privileged intent is on in the application's settings."""
        self.url = ""
        self.identified: list[Json] = []
        """The IDENTIFY payloads, in order."""
        self.resumed: list[Json] = []
        self.ready = asyncio.Event()
        """Set while a bot is connected and was told about its server."""
        self._token = token
        self._guild = guild
        self._socket: web.WebSocketResponse | None = None
        self._sent: list[Json] = []

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until it ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {"op": Op.HELLO, "d": {"heartbeat_interval": HEARTBEAT_INTERVAL_MS}, "s": None, "t": None}
        )
        try:
            async for frame in socket:
                await self._hear(socket, frame.json())
        finally:
            self._left(socket)
        return socket

    async def dispatch(self, event: str, data: Any) -> None:
        """Send an event; it is kept for a bot that is away."""
        payload = {"op": Op.DISPATCH, "t": event, "s": len(self._sent) + 1, "d": data}
        self._sent.append(payload)
        if self._socket is not None:
            await self._send(self._socket, payload)

    async def close(self, code: int = TRY_AGAIN) -> None:
        """Close the connection from this side; with the default the bot is expected back."""
        if self._socket is not None:
            socket = self._socket
            self._left(socket)
            await socket.close(code=code)

    async def _send(self, socket: web.WebSocketResponse, payload: Json) -> None:
        try:
            await socket.send_json(payload)
        except ConnectionError:  # a bot that was killed says no goodbye
            self._left(socket)

    def _left(self, socket: web.WebSocketResponse) -> None:
        """Unless another connection has taken this one's place, there is no bot now."""
        if self._socket is socket:
            self._socket = None
            self.ready.clear()

    async def _hear(self, socket: web.WebSocketResponse, payload: Json) -> None:
        match payload["op"]:
            case Op.HEARTBEAT:
                await self._send(socket, {"op": Op.HEARTBEAT_ACK, "d": None, "s": None, "t": None})
            case Op.IDENTIFY:
                await self._identify(socket, payload["d"])
            case Op.RESUME:
                await self._resume(socket, payload["d"])

    async def _identify(self, socket: web.WebSocketResponse, data: Json) -> None:
        self.identified.append(data)
        if data["token"] != self._token:
            await socket.close(code=BAD_TOKEN, message=b"Authentication failed.")
            return
        if data["intents"] & MESSAGE_CONTENT and not self.message_content:
            await socket.close(code=INTENT_REFUSED, message=b"Disallowed intent(s).")
            return
        self._socket = socket
        self._sent.clear()
        await self.dispatch(
            "READY",
            {
                "v": 10,
                "user": shapes.bot_user(),
                "guilds": [{"id": str(shapes.GUILD_ID), "unavailable": True}],
                "session_id": f"session-{len(self.identified)}",
                "resume_gateway_url": self.url,
                "shard": data["shard"],
                "application": {"id": str(shapes.APPLICATION_ID), "flags": 0},
            },
        )
        await self.dispatch("GUILD_CREATE", self._guild())
        self._here(socket)

    async def _resume(self, socket: web.WebSocketResponse, data: Json) -> None:
        self.resumed.append(data)
        self._socket = socket
        for payload in self._sent[data["seq"] :]:
            await self._send(socket, payload)
        await self.dispatch("RESUMED", {})
        self._here(socket)

    def _here(self, socket: web.WebSocketResponse) -> None:
        if self._socket is socket:  # else it broke in the meantime
            self.ready.set()
