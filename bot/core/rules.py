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
_PREFIX: Final = "queue_rules:"


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
        self._rules: dict[int, QueueRules] = {}

    async def read(self) -> None:
        """Read all of them, once: whether a request is accepted is decided without waiting."""
        found = await self._preferences.starting_with(_PREFIX)
        self._rules = {int(key.removeprefix(_PREFIX)): _from_json(text) for key, text in found.items()}

    def of(self, guild_id: int | None) -> QueueRules:
        """The rules of a server; none outside of servers."""
        return self._rules.get(guild_id or 0, QueueRules())

    async def set(self, guild_id: int, rules: QueueRules) -> None:
        """From now on these."""
        await self._preferences.set(f"{_PREFIX}{guild_id}", _to_json(rules))
        self._rules[guild_id] = rules


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
