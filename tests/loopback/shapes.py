"""Discord's payloads in their real shape, as far as the bot reads them. Pure functions over ids."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tests.loopback.ids import made_at

API: Final = "/api/v10"
GATEWAY: Final = "/gateway"

APPLICATION_ID: Final = 700_000_000_000_000_001
GUILD_ID: Final = 700_000_000_000_000_002
CHANNEL_ID: Final = 700_000_000_000_000_003
USER_ID: Final = 700_000_000_000_000_004
USER_NAME: Final = "ada"

DEFAULT_UPLOAD_LIMIT: Final = 10 * 1024 * 1024
COMPONENTS_V2: Final = 1 << 15
EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7
EVERYTHING: Final = str((1 << 53) - 1)
"""All permissions; they travel as decimal strings."""
EPOCH: Final = "2026-01-01T00:00:00.000000+00:00"
CDN: Final = "https://cdn.discordapp.com"
ATTACHMENT: Final = "attachment://"

Json = dict[str, Any]

_OPTION_TYPES: Final[Mapping[type, int]] = {str: 3, int: 4, bool: 5, float: 10}


def gateway_at(url: str) -> str:
    """The gateway's address on the host at `url`."""
    return f"{url.replace('http', 'ws', 1)}{GATEWAY}"


def iso(snowflake: int) -> str:
    """When an id was made, as Discord writes times."""
    return datetime.fromtimestamp(made_at(snowflake), UTC).isoformat(timespec="microseconds")


class UnknownAttachmentError(Exception):
    """A component names a file that was not sent along."""


def user(user_id: int, name: str, *, bot: bool = False) -> Json:
    """A user object."""
    return {
        "id": str(user_id),
        "username": name,
        "discriminator": "0",
        "global_name": name.title(),
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
        "flags": 0,
    }


def bot_user() -> Json:
    """The bot itself."""
    return user(APPLICATION_ID, "atelier", bot=True)


def member(of: Json) -> Json:
    """A member of the guild; `permissions` are the computed ones that interactions carry."""
    return {
        "user": of,
        "nick": None,
        "avatar": None,
        "roles": [],
        "joined_at": EPOCH,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "communication_disabled_until": None,
        "permissions": EVERYTHING,
    }


def channel(channel_id: int, name: str) -> Json:
    """A text channel of the server."""
    return {
        "id": str(channel_id),
        "type": 0,
        "guild_id": str(GUILD_ID),
        "name": name,
        "position": 0,
        "permission_overwrites": [],
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "last_message_id": None,
        "flags": 0,
    }


def direct_messages(channel_id: int, recipient: Json) -> Json:
    """The channel of the bot and one user."""
    return {"id": str(channel_id), "type": 1, "recipients": [recipient], "last_message_id": None, "flags": 0}


def guild(channels: Sequence[Json]) -> Json:
    """GUILD_CREATE of the one server, with everything allowed to everyone."""
    everyone = {
        "id": str(GUILD_ID),
        "name": "@everyone",
        "permissions": EVERYTHING,
        "position": 0,
        "color": 0,
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
    return {
        "id": str(GUILD_ID),
        "name": "Studio",
        "icon": None,
        "owner_id": str(USER_ID),
        "unavailable": False,
        "member_count": 2,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "features": [],
        "roles": [everyone],
        "emojis": [],
        "stickers": [],
        "channels": list(channels),
        "threads": [],
        "members": [member(bot_user())],
        "presences": [],
        "voice_states": [],
    }


def application() -> Json:
    """The application behind the bot."""
    return {
        "id": str(APPLICATION_ID),
        "name": "Atelier",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": user(USER_ID, USER_NAME),
        "verify_key": "",
        "flags": 0,
    }


def message(message_id: int, author: Json, *, channel_id: int = CHANNEL_ID, **fields: Any) -> Json:
    """A message without content, but for `fields`."""
    return {
        "id": str(message_id),
        "channel_id": str(channel_id),
        "type": 0,
        "author": author,
        "content": "",
        "timestamp": iso(message_id),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": 0,
        **fields,
    }


def reply(message_id: int, channel_id: int) -> Json:
    """What a message that answers another has beside its own."""
    return {"type": 19, "message_reference": {"message_id": str(message_id), "channel_id": str(channel_id)}}


def where(author: Json, channel: Json) -> Json:
    """How an event says who acted: as a member of the server, if it comes from there."""
    if "guild_id" not in channel:
        return {"user": author}
    return {"guild_id": channel["guild_id"], "member": member(author)}


def interaction(
    interaction_id: int,
    token: str,
    kind: int,
    data: Json,
    *,
    author: Json,
    channel: Json,
    upload_limit: int,
    **extra: Any,
) -> Json:
    """INTERACTION_CREATE: 2 is a command, 3 a component."""
    here = {"guild": {"id": str(GUILD_ID), "locale": "en-US", "features": []}, "guild_locale": "en-US"}
    return {
        "id": str(interaction_id),
        "application_id": str(APPLICATION_ID),
        "type": kind,
        "token": token,
        "version": 1,
        "locale": "en-US",
        "channel_id": channel["id"],
        "channel": {**channel, "permissions": EVERYTHING},
        "app_permissions": EVERYTHING,
        "entitlements": [],
        "authorizing_integration_owners": {"0": channel.get("guild_id", "0")},
        "context": 0 if "guild_id" in channel else 1,
        "attachment_size_limit": upload_limit,
        "data": data,
        **where(author, channel),
        **(here if "guild_id" in channel else {}),
        **extra,
    }


def slash(command_id: int, name: str, options: Mapping[str, str | float]) -> Json:
    """The data of a slash command."""
    given = [{"name": key, "type": _OPTION_TYPES[type(v)], "value": v} for key, v in options.items()]
    return {"id": str(command_id), "name": name, "type": 1, "options": given}


def component(custom_id: str, values: Sequence[str] | None) -> Json:
    """The data of a pressed button, or of a menu in which `values` were chosen."""
    if values is None:
        return {"custom_id": custom_id, "component_type": 2, "id": 1}
    return {"custom_id": custom_id, "component_type": 3, "id": 1, "values": list(values)}


def walk(part: Any) -> Iterator[Json]:
    """Every object in a payload, however deep: components, their items and their media."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            yield from walk(child)


def shown(components: Sequence[Json], attachments: Sequence[Json]) -> list[Json]:
    """Numbers the components, points `attachment://` at the CDN, and says which attachments are left.

    Discord's manner: what a component shows is not in a message's `attachments`.

    Raises:
        UnknownAttachmentError: a component names a file that is not there.
    """
    named = {attachment["filename"]: attachment for attachment in attachments}
    used: set[str] = set()
    for number, part in enumerate(walk(components), start=1):
        if "type" in part:
            part.setdefault("id", number)
        url = part.get("url")
        if isinstance(url, str) and url.startswith(ATTACHMENT):
            name = url.removeprefix(ATTACHMENT)
            if name not in named:
                raise UnknownAttachmentError(name)
            used.add(name)
            part |= {key: named[name][key] for key in ("url", "proxy_url", "content_type")}
            part |= {"attachment_id": named[name]["id"], "loading_state": 2}
    return [attachment for name, attachment in named.items() if name not in used]


def attachment(attachment_id: int, channel_id: int, name: str, size: int) -> Json:
    """An uploaded file."""
    path = f"/attachments/{channel_id}/{attachment_id}/{name}"
    return {
        "id": str(attachment_id),
        "filename": name,
        "size": size,
        "url": f"{CDN}{path}",
        "proxy_url": f"https://media.discordapp.net{path}",
        "content_type": f"image/{name.rpartition('.')[2]}",
    }
