"""Discord's routes without discord.py, for what the bot does not (yet) ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from tests.loopback.server import TOKEN, LoopbackDiscord
from tests.loopback.shapes import API, APPLICATION_ID, Json

HEADERS: Final = {"Authorization": f"Bot {TOKEN}"}


class Rest:
    """Each request is answered with (status, body); of a refusal the body is its code."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def __call__(self, method: str, path: str, json: Json | None = None) -> tuple[int, Any]:
        """Raises aiohttp.ClientError when the connection breaks."""
        async with self._session.request(method, f"{self._url}{API}{path}", json=json) as response:
            body: Any = await response.json() if response.status != 204 else None
            return response.status, body["code"] if response.status >= 400 else body

    async def acknowledge(self, interaction_id: int, token: str, kind: int = 5) -> tuple[int, Any]:
        """Answer an interaction for the first time; 5 is "thinking"."""
        return await self("POST", f"/interactions/{interaction_id}/{token}/callback", {"type": kind})

    @staticmethod
    def webhook(token: str, message: str | int | None = None) -> str:
        """Where an interaction's further answers go to, or one of its messages."""
        path = f"/webhooks/{APPLICATION_ID}/{token}"
        return path if message is None else f"{path}/messages/{message}"


@asynccontextmanager
async def rest_of(discord: LoopbackDiscord) -> AsyncIterator[Rest]:
    """The bot's way to Discord, by hand."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        yield Rest(session, discord.url)
