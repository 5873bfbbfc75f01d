"""Who may do what, and where."""

from dataclasses import dataclass
from enum import StrEnum

from bot.core.catalog import ModelSpec
from bot.core.errors import ChannelNotServedError, NotYoursError, SourceAccessError
from bot.core.jobs import Generation, Origin


class SpoilerRule(StrEnum):
    """Which pictures are posted behind a spoiler."""

    NEVER = "never"
    UNCHECKED = "unchecked"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who presses a button or names a picture."""

    user_id: int
    moderator: bool = False
    """Has Discord's Manage Messages where the card stands."""


def check_cancel(actor: Actor, origin: Origin) -> None:
    """Cancel belongs to the owner and to moderators.

    Raises:
        NotYoursError: `actor` is neither.
    """
    if not (actor.moderator or actor.user_id == origin.user_id):
        raise NotYoursError("cancel")


def check_delete(actor: Actor, origin: Origin) -> None:
    """Delete belongs to the owner and to moderators.

    Raises:
        NotYoursError: `actor` is neither.
    """
    if not (actor.moderator or actor.user_id == origin.user_id):
        raise NotYoursError("delete")


def check_pick(actor: Actor, origin: Origin) -> None:
    """A ladder's tile goes into its owner's history, so the owner alone picks.

    Raises:
        NotYoursError: `actor` is somebody else.
    """
    if actor.user_id != origin.user_id:
        raise NotYoursError("pick")


def check_use(actor: Actor, generation: Generation, *, readable: bool) -> None:
    """A picture may be used by its owner, and by who could see it: posted where they can read.

    Args:
        readable: whether `actor` can read the history of the channel that it was posted in.

    Raises:
        NotYoursError: it is somebody else's private picture.
        SourceAccessError: it was posted where `actor` cannot read.
    """
    if actor.user_id == generation.origin.user_id:
        return
    if generation.origin.private:
        raise NotYoursError("use")
    if not readable:
        raise SourceAccessError


def check_channel(channel_ids: tuple[int | None, ...], served: tuple[int, ...]) -> None:
    """The bot answers in the channels that the operator names; in all of them when none is named.

    Args:
        channel_ids: the channel and, for a thread, its parent.
        served: the operator's list; empty means everywhere.

    Raises:
        ChannelNotServedError: none of `channel_ids` is served.
    """
    if served and not set(channel_ids) & set(served):
        raise ChannelNotServedError(served)


def is_spoilered(spec: ModelSpec, rule: SpoilerRule) -> bool:
    """Whether a picture of this model is posted behind a spoiler."""
    match rule:
        case SpoilerRule.ALWAYS:
            return True
        case SpoilerRule.UNCHECKED:
            return not spec.checked
        case SpoilerRule.NEVER:
            return False
