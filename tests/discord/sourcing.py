"""Pictures in messages, links to them, and a remix that starts from one."""

from typing import Any

from tests.discord.world import World, png

REFUSED = "That picture is in a place that you cannot read, so it cannot be used."
NO_PICTURE = "That message is gone, or it has no picture."
RED, BLUE = b"\xff\x00\x00", b"\x00\x00\xff"


def colour_taken(world: World) -> bytes:
    """The first pixel of the picture that the last remix started from."""
    source = world.engine.sources[-1]
    assert source is not None
    return source.rgb[:3]


def link_to(guild: int | str, channel: int, message: int) -> str:
    return f"https://discord.com/channels/{guild}/{channel}/{message}"


def post(world: World, channel: int, author: int, colour: str = "blue", **extra: Any) -> int:
    """Put a message with a picture there without anybody's permission being asked; its id."""
    attachments = world.env.backend.store_attachments(channel, [("cat.png", png(colour))])
    return world.env.backend.create_message(channel, author, attachments=attachments, **extra).id


async def remix(world: World, source: str | None = None, **options: Any) -> Any:
    """`/remix` by ada in the studio."""
    if source is not None:
        options["source"] = source
    return await world.ada.slash(world.channel, "remix", prompt="x", **options)
