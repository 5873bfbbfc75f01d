"""The pictures that a Discord message shows, wherever in it they are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import discord

IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class PictureLink:
    """A picture on Discord's CDN; `size` in bytes, None where Discord does not tell."""

    url: str
    name: str
    size: int | None = None


def pictures_in(message: discord.Message) -> list[PictureLink]:
    """Attachments, media galleries, files, embeds, and the same in forwarded messages, in order.

    A picture that a media gallery shows is not in `message.attachments` when the message is read
    back, so the components are looked through as well; what stands in both counts once.
    """
    found: dict[str, PictureLink] = {}
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        for link in _links(part):
            found.setdefault(urlsplit(link.url).path, link)
    return list(found.values())


def is_hidden(message: discord.Message, *, me: int) -> bool:
    """Whether Discord blanked this message: without the intent, other people's content is empty."""
    blank = not (
        message.content
        or message.attachments
        or message.embeds
        or message.components
        or message.stickers
        or message.message_snapshots
        or message.poll
    )
    return blank and message.author.id != me


def _links(part: discord.Message | discord.MessageSnapshot) -> Iterator[PictureLink]:
    for attachment in part.attachments:
        if _is_image(attachment.content_type, attachment.filename):
            yield PictureLink(attachment.url, attachment.filename, attachment.size)
    for media in _media(part.components):
        if _is_image(media.content_type, urlsplit(media.url).path):
            # As for embeds: the proxy's copy is on Discord's CDN.
            yield PictureLink(media.proxy_url or media.url, urlsplit(media.url).path.rpartition("/")[2])
    for embed in part.embeds:
        # The proxy's copy is on Discord's CDN; the original may be anywhere.
        url = embed.image.proxy_url or embed.thumbnail.proxy_url
        if url:
            yield PictureLink(url, urlsplit(url).path.rpartition("/")[2])


def _media(components: Iterable[Any]) -> Iterator[discord.UnfurledMediaItem]:
    """Galleries and files only: a section's thumbnail shows where a picture came from, not the picture."""
    for component in components:
        if isinstance(component, discord.MediaGalleryComponent):
            yield from (item.media for item in component.items)
        elif isinstance(component, discord.FileComponent):
            yield component.media
        elif isinstance(component, discord.Container):
            yield from _media(component.children)


def _is_image(content_type: str | None, name: str) -> bool:
    if content_type:
        return content_type.startswith("image/")
    return name.lower().endswith(IMAGE_SUFFIXES)
