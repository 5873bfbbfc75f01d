"""The three things that can be done to a message, by whatever route it is reached."""

from collections.abc import Callable

from aiohttp import web

from tests.loopback.messages import Messages
from tests.loopback.wire import Handler, as_json, files_of, payload_of


class OneMessage:
    """GET, PATCH and DELETE of the message whose id `find` reads from a request."""

    def __init__(self, messages: Messages, find: Callable[[web.Request], int]) -> None:
        self._messages = messages
        self._find = find

    def handlers(self) -> dict[str, Handler]:
        return {"GET": self._get, "PATCH": self._edit, "DELETE": self._delete}

    async def _get(self, request: web.Request) -> web.Response:
        return as_json(self._messages.get(self._find(request)))

    async def _edit(self, request: web.Request) -> web.Response:
        message_id = self._find(request)
        return as_json(self._messages.edit(message_id, payload_of(request), files_of(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        self._messages.delete(self._find(request))
        return web.Response(status=204)
