"""What one user asked for, and which messages came of it so far."""

from dataclasses import dataclass

from tests.chaos.counting import Ask
from tests.chaos.shown import Shown
from tests.loopback.ids import made_at
from tests.loopback.interactions import Pressed
from tests.loopback.server import LoopbackDiscord


@dataclass(slots=True)
class Asking:
    """A command or a pressed Again, or a typed message."""

    user_id: int
    what: str
    private: bool = False
    pressed: Pressed | None = None
    message_id: int | None = None

    def answers(self, discord: LoopbackDiscord) -> list[Shown]:
        """The live messages that answer it."""
        if self.pressed is not None:
            ids = {self.pressed.original, *self.pressed.followups}
            return [Shown.of(m) for m in discord.messages.everywhere() if int(m["id"]) in ids]
        return [
            shown
            for message in discord.messages.everywhere()
            if "message_reference" in message and (shown := Shown.of(message)).reply_to == self.message_id
        ]

    def is_acknowledged(self, discord: LoopbackDiscord) -> bool:
        """Whether its user may count on it."""
        if self.pressed is not None:
            return self.pressed.acknowledged
        kept = [*discord.messages.everywhere(), *discord.messages.deleted.values()]
        references = [message.get("message_reference") or {} for message in kept]
        return any(reference.get("message_id") == str(self.message_id) for reference in references)

    def as_ask(self, tokens_end: float) -> Ask:
        """For the record. Tokens that were made before `tokens_end` are over."""
        if self.pressed is None:
            return Ask(user_id=self.user_id, what=self.what, message_id=self.message_id)
        original = (self.pressed.original,) if self.pressed.original is not None else ()
        return Ask(
            user_id=self.user_id,
            what=self.what,
            token=self.pressed.token,
            token_over=made_at(self.pressed.id) < tokens_end,
            answers=(*original, *self.pressed.followups),
        )
