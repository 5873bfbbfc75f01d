"""What a server's admins decide about the queue: caps for their members, and boosts for roles."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bot.core.errors import OptionError
from bot.core.ports import Preferences

LOWEST_BOOST: Final = 1.0
HIGHEST_BOOST: Final = 4.0
HIGHEST_CAP: Final = 100


@dataclass(frozen=True, slots=True)
class QueueRules:
    """One server's. None stands for the operator's own setting."""

    limit_per_user: int | None = None
    """Jobs that a member may have waiting and running."""
    running_per_user: int | None = None
    """Jobs of a member that may run at once."""
    boosts: Mapping[int, float] = field(default_factory=dict)
    """Role id -> share of the device, relative to members without one."""

    def __post_init__(self) -> None:
        for option, cap in (("waiting", self.limit_per_user), ("running", self.running_per_user)):
            if cap is not None and not 1 <= cap <= HIGHEST_CAP:
                raise OptionError(option, cap, 1, HIGHEST_CAP)
        for boost in self.boosts.values():
            if not LOWEST_BOOST <= boost <= HIGHEST_BOOST:
                raise OptionError("boost", boost, LOWEST_BOOST, HIGHEST_BOOST)

    def weight(self, roles: Collection[int]) -> float:
        """The best boost of somebody with these roles; 1 without any."""
        return max((self.boosts[role] for role in roles if role in self.boosts), default=LOWEST_BOOST)

    def boosted(self, role: int, boost: float) -> "QueueRules":
        """These rules, with another boost for `role`; 1 takes it away."""
        boosts = {**self.boosts, role: boost}
        if boost == LOWEST_BOOST:
            del boosts[role]
        return replace(self, boosts=boosts)


class RuleBook:
    """The rules of every server, kept among the preferences."""

    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self._read: dict[int, QueueRules] = {}

    def known(self, guild_id: int | None) -> QueueRules:
        """The rules of a server, if they have been read already; else none."""
        return self._read.get(guild_id or 0, QueueRules())

    async def get(self, guild_id: int | None) -> QueueRules:
        """The rules of a server; none outside of servers."""
        if guild_id is None:
            return QueueRules()
        if guild_id not in self._read:
            text = await self._preferences.get(_key(guild_id))
            self._read[guild_id] = _from_json(text) if text else QueueRules()
        return self._read[guild_id]

    async def set(self, guild_id: int, rules: QueueRules) -> None:
        """From now on these."""
        await self._preferences.set(_key(guild_id), _to_json(rules))
        self._read[guild_id] = rules


def _key(guild_id: int) -> str:
    return f"queue_rules:{guild_id}"


def _to_json(rules: QueueRules) -> str:
    return json.dumps(
        {
            "limit_per_user": rules.limit_per_user,
            "running_per_user": rules.running_per_user,
            "boosts": {str(role): boost for role, boost in rules.boosts.items()},
        }
    )


def _from_json(text: str) -> QueueRules:
    fields: dict[str, Any] = json.loads(text)
    boosts = {int(role): float(boost) for role, boost in fields["boosts"].items()}
    return QueueRules(fields["limit_per_user"], fields["running_per_user"], boosts)
