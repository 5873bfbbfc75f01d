"""What became of everything that was asked for. Pure: records in, verdicts out.

Owed are an end to every request that was acknowledged, and to every job in the database. An end is one
message with the job's pictures, or words that its owner can read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.chaos.shown import Shown

OVER: Final = frozenset({"done", "failed", "cancelled"})
"""Of a job's statuses those at which nothing is to be done any more."""


class Outcome(StrEnum):
    """How it ended for the one who asked."""

    DELIVERED = "delivered"
    FAILED = "failed_reported"
    CANCELLED = "cancelled_reported"
    LOST = "lost"
    DOUBLED = "doubled"
    LEAKED = "leaked"

    @property
    def is_wrong(self) -> bool:
        return self in {Outcome.LOST, Outcome.DOUBLED, Outcome.LEAKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request that was acknowledged: by a first answer, or a typed one by a reply."""

    user_id: int
    what: str
    token: str | None = None
    """Of the interaction."""
    token_over: bool = False
    """Whether nobody can answer through it any more: on a "thinking", Discord itself says so then."""
    answers: tuple[int, ...] = ()
    """The messages that were made through the token."""
    message_id: int | None = None
    """Of a typed request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job in the database."""

    id: str
    user_id: int
    status: str
    token: str | None = None
    private: bool = False
    pictures: frozenset[str] = frozenset()
    all: dict[str, Any] = field(default_factory=dict)
    """The row as it is, for a person to read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request or job, and by which messages."""

    outcome: Outcome
    why: str
    ask: Ask | None
    row: Row | None
    messages: tuple[Shown, ...]


def judge(asks: Iterable[Ask], rows: Sequence[Row], messages: Sequence[Shown]) -> list[Verdict]:
    """One verdict for each request and each job; a request that became a job has one with it."""
    judged: list[Verdict] = []
    left = {row.id: row for row in rows}
    spare = _spare_sentences(messages)
    for ask in asks:
        answers = [
            m for m in messages if m.id in ask.answers or (m.reply_to and m.reply_to == ask.message_id)
        ]
        row = _row_of(ask, answers, rows)
        if row is not None:
            left.pop(row.id, None)
        judged.append(_verdict(ask, row, answers, messages, spare))
    judged += [_verdict(None, row, [], messages, spare) for row in left.values()]
    return judged


def count(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many there are of each outcome, and in all."""
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    return {"accepted": outcomes.total(), **{outcome.value: outcomes[outcome] for outcome in Outcome}}


def _spare_sentences(messages: Sequence[Shown]) -> dict[int, list[Shown]]:
    """By user: what they were told in direct messages without the name of a job. Each serves once."""
    spare: dict[int, list[Shown]] = defaultdict(list)
    for message in messages:
        if message.direct_to is not None and not message.jobs and message.text:
            spare[message.direct_to].append(message)
    return spare


def _row_of(ask: Ask, answers: Sequence[Shown], rows: Sequence[Row]) -> Row | None:
    named = frozenset[str]().union(*(message.jobs for message in answers))
    for row in rows:
        if row.id in named or (ask.token is not None and row.token == ask.token):
            return row
    return None


def _verdict(
    ask: Ask | None,
    row: Row | None,
    answers: Sequence[Shown],
    messages: Sequence[Shown],
    spare: dict[int, list[Shown]],
) -> Verdict:
    about = list(answers)
    if row is not None:
        about += [m for m in messages if m not in about and (row.id in m.jobs or m.pictures & row.pictures)]
    token_over = ask is not None and ask.token_over
    outcome, why = (
        _of_job(row, about, token_over=token_over) if row else _of_request(about, token_over=token_over)
    )
    user_id = row.user_id if row else ask.user_id if ask else 0
    if outcome is Outcome.LOST and why == NOTHING and spare[user_id]:
        about.append(spare[user_id].pop())
        outcome, why = Outcome.FAILED, "told in a direct message"
    return Verdict(outcome, why, ask, row, tuple(about))


NOTHING: Final = "no message says how it ended"


def _of_job(row: Row, about: Sequence[Shown], *, token_over: bool) -> tuple[Outcome, str]:
    pictured = [message for message in about if message.pictures]
    wrong = (
        (len(pictured) > 1, Outcome.DOUBLED, f"its pictures are in {len(pictured)} messages"),
        (_is_leaked(row, pictured), Outcome.LEAKED, "asked for in private, shown to others"),
        (unfinished := _unfinished(about, token_over=token_over), Outcome.LOST, unfinished),
        (row.status not in OVER, Outcome.LOST, f"still {row.status} in the database"),
        (any(m.pictures != row.pictures for m in pictured), Outcome.LOST, "other pictures than the job's"),
    )
    for is_so, outcome, why in wrong:
        if is_so:
            return outcome, why
    if pictured:
        return Outcome.DELIVERED, ""
    if any(message.tells_end for message in about):
        return (Outcome.CANCELLED if row.status == "cancelled" else Outcome.FAILED), ""
    return Outcome.LOST, NOTHING


def _is_leaked(row: Row, pictured: Sequence[Shown]) -> bool:
    return row.private and not all(message.is_private_to(row.user_id) for message in pictured)


def _of_request(about: Sequence[Shown], *, token_over: bool) -> tuple[Outcome, str]:
    if unfinished := _unfinished(about, token_over=token_over):
        return Outcome.LOST, unfinished
    if any(message.jobs for message in about):
        return Outcome.LOST, "its card names a job that is not in the database"
    if any(message.tells_end or (message.thinking and token_over) for message in about):
        return Outcome.FAILED, ""
    return Outcome.LOST, NOTHING


def _unfinished(about: Sequence[Shown], *, token_over: bool) -> str:
    """What a live message still promises, as far as the bot could have changed it."""
    live = [m for m in about if not (m.deleted or (token_over and m.private))]
    if any(message.thinking for message in live) and not token_over:
        return 'left at "thinking"'
    if any(message.on_its_way for message in live):
        return "a card is left on its way"
    return ""
