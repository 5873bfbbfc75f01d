"""Requests as they come in and answers as they go out, in Discord's form."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import BodyPartReader, web

from tests.loopback.answers import Answer
from tests.loopback.messages import Upload
from tests.loopback.script import Call
from tests.loopback.shapes import Json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CALL: Final = web.RequestKey("call", Call)


def payload_of(request: web.Request) -> Any:
    """What the request says, its files aside."""
    return request[CALL].payload


def files_of(request: web.Request) -> tuple[Upload, ...]:
    """What came with it."""
    return request[CALL].files


def fixed(body: Callable[[], Json]) -> Handler:
    """A route that always answers so."""

    async def handler(_: web.Request) -> web.Response:
        return as_json(body())

    return handler


def plain(answer: Answer) -> web.Response:
    """An answer that was decided on before."""
    if isinstance(answer.body, str):  # a dropped connection carries none, whatever its status
        return web.Response(status=answer.status or 500, text=answer.body, headers=answer.headers)
    return as_json(answer.body, answer.status, answer.headers)


def as_json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """As Discord does, without a charset: discord.py takes anything else for text."""
    of_json = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=of_json)


async def read_body(request: web.Request) -> tuple[Any, tuple[Upload, ...]]:
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
