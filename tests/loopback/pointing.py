"""Where discord.py looks for Discord: the one place that tells it to look elsewhere.

The bot itself is unchanged. For a bot in a process of its own:

    with point_discord_at("http://127.0.0.1:8080"):
        bot.cli.main()
"""

from collections.abc import Iterator
from contextlib import contextmanager

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.loopback.shapes import API, gateway_at


@contextmanager
def point_discord_at(url: str) -> Iterator[None]:
    """Send REST, webhook and gateway traffic to `url` (scheme, host and port) while this is open.

    Webhooks (`discord.webhook.async_`) build their addresses with the same `Route`. The gateway's
    default is what a session that was invalidated falls back to.
    """
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = f"{url}{API}"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_at(url))
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
