"""The counting finds what is lost, doubled or leaked, in records that are made up to be so."""

import pytest

from tests.chaos.counting import NOTHING, Ask, Outcome, Row, count, judge
from tests.chaos.shown import Shown
from tests.loopback.shapes import EPHEMERAL, LOADING, bot_user, message

ADA, BEA = 4, 5
JOB, OTHER = "0123ABCD", "XYZ98765"
PICTURE, SECOND = "AAAA1111", "BBBB2222"
ON_ITS_WAY = frozenset({"cancel"})
ENDED = frozenset({"again", "details"})
FINISHED = frozenset({"remix", "again", "ladder", "details", "delete"})


def ask(**fields: object) -> Ask:
    return Ask(user_id=ADA, what="imagine", token="token-1", answers=(1,), **fields)  # type: ignore[arg-type] # as given


def row(status: str = "done", **fields: object) -> Row:
    kept: dict[str, object] = {"token": "token-1", "pictures": frozenset({PICTURE})}
    return Row(id=JOB, user_id=ADA, status=status, **{**kept, **fields})  # type: ignore[arg-type] # as given


def card(message_id: int = 1, **fields: object) -> Shown:
    return Shown(id=message_id, jobs=frozenset({JOB}), **fields)  # type: ignore[arg-type] # as given


def delivered(message_id: int = 1, **fields: object) -> Shown:
    return card(message_id, actions=FINISHED, **{"pictures": frozenset({PICTURE}), **fields})


def outcome(asks: list[Ask], rows: list[Row], messages: list[Shown]) -> tuple[Outcome, str]:
    [verdict] = judge(asks, rows, messages)
    return verdict.outcome, verdict.why


@pytest.mark.parametrize(
    ("status", "shown", "expected"),
    [
        ("done", delivered(), Outcome.DELIVERED),
        ("done", delivered(deleted=True), Outcome.DELIVERED),  # somebody deleted it afterwards
        ("done", delivered(2, direct_to=ADA), Outcome.DELIVERED),
        ("failed", card(actions=ENDED, text="It failed."), Outcome.FAILED),
        ("cancelled", card(actions=ENDED, text="Cancelled."), Outcome.CANCELLED),
        ("done", card(actions=ENDED, text="Kept in /history."), Outcome.FAILED),
        ("failed", Shown(id=1, text="The card could not be shown."), Outcome.FAILED),
        ("failed", Shown(id=9, text="It failed.", direct_to=ADA), Outcome.FAILED),
    ],
)
def test_one_end_is_counted_as_what_it_is(status: str, shown: Shown, expected: Outcome) -> None:
    assert outcome([ask()], [row(status)], [shown])[0] is expected
    assert not expected.is_wrong


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], NOTHING),
        ([Shown(id=1, thinking=True)], 'left at "thinking"'),
        ([card(actions=ON_ITS_WAY, text="step 3 of 12")], "a card is left on its way"),
        ([card(actions=ON_ITS_WAY, text="step 3 of 12", deleted=True)], NOTHING),
        ([Shown(id=1, text="\N{HORIZONTAL ELLIPSIS}")], NOTHING),
        ([Shown(id=9, text="It failed.", direct_to=BEA)], NOTHING),
        ([Shown(id=9, text="It failed.")], NOTHING),  # an answer to something else
        ([delivered(2), card(actions=ON_ITS_WAY)], "a card is left on its way"),
        ([delivered(pictures=frozenset({SECOND}))], "other pictures than the job's"),
        ([delivered(pictures=frozenset({PICTURE, SECOND}))], "other pictures than the job's"),
    ],
)
def test_what_has_no_end_is_lost(messages: list[Shown], why: str) -> None:
    assert outcome([ask()], [row()], messages) == (Outcome.LOST, why)


@pytest.mark.parametrize("status", ["queued", "running", "delivering"])
def test_a_job_that_is_still_open_in_the_end_is_lost(status: str) -> None:
    assert outcome([ask()], [row(status)], [delivered()]) == (Outcome.LOST, f"still {status} in the database")


def test_pictures_in_two_messages_are_doubled_also_if_one_was_deleted() -> None:
    for deleted in (False, True):
        twice = [delivered(1, deleted=deleted), delivered(2)]
        assert outcome([ask()], [row()], twice)[0] is Outcome.DOUBLED


def test_pictures_made_twice_are_doubled_whatever_they_are_called() -> None:
    twice = [delivered(1), delivered(2, pictures=frozenset({SECOND}))]
    assert outcome([ask()], [row()], twice)[0] is Outcome.DOUBLED
    without_buttons = [delivered(1), Shown(id=2, pictures=frozenset({PICTURE}))]
    assert outcome([ask()], [row()], without_buttons)[0] is Outcome.DOUBLED


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({}, Outcome.LEAKED),
        ({"direct_to": BEA}, Outcome.LEAKED),
        ({"direct_to": ADA}, Outcome.DELIVERED),
        ({"private": True}, Outcome.DELIVERED),
    ],
)
def test_what_was_asked_for_in_private_is_seen_by_nobody_else(
    place: dict[str, object], expected: Outcome
) -> None:
    assert outcome([ask()], [row(private=True)], [delivered(2, **place)])[0] is expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([Shown(id=1, text="The queue is full.", private=True)], (Outcome.FAILED, "")),
        ([Shown(id=1, thinking=True)], (Outcome.LOST, 'left at "thinking"')),
        ([Shown(id=1, thinking=True, deleted=True)], (Outcome.LOST, NOTHING)),
        ([], (Outcome.LOST, NOTHING)),
        ([delivered()], (Outcome.LOST, "its card names a job that is not in the database")),
    ],
)
def test_a_request_that_became_no_job_must_be_told_so(
    messages: list[Shown], expected: tuple[Outcome, str]
) -> None:
    assert outcome([ask()], [], messages) == expected


@pytest.mark.parametrize(
    ("left", "job", "expected"),
    [
        (Shown(id=1, thinking=True), [], Outcome.FAILED),  # Discord says that nobody answered
        (Shown(id=1, thinking=True), [row()], Outcome.LOST),
        (card(actions=ON_ITS_WAY, private=True), [row()], Outcome.LOST),
        (card(actions=ON_ITS_WAY), [row()], Outcome.LOST),
    ],
)
def test_when_the_token_is_over_the_end_must_be_shown_elsewhere(
    left: Shown, job: list[Row], expected: Outcome
) -> None:
    assert outcome([ask(token_over=True)], job, [left])[0] is expected


def test_what_no_token_reaches_any_more_may_stay_when_the_end_is_shown_elsewhere() -> None:
    elsewhere = delivered(2, direct_to=ADA)
    out_of_reach = [Shown(id=1, thinking=True), card(actions=ON_ITS_WAY, private=True)]
    for left in out_of_reach:
        assert outcome([ask(token_over=True)], [row()], [left, elsewhere])[0] is Outcome.DELIVERED
        assert outcome([ask()], [row()], [left, elsewhere])[0] is Outcome.LOST
    public = card(actions=ON_ITS_WAY)
    assert outcome([ask(token_over=True)], [row()], [public, elsewhere])[0] is Outcome.LOST


def test_a_job_that_nobody_was_promised_is_owed_all_the_same() -> None:
    assert outcome([], [row()], []) == (Outcome.LOST, NOTHING)
    assert outcome([], [row()], [delivered(7)]) == (Outcome.DELIVERED, "")


def test_a_typed_request_finds_its_job_by_the_reply() -> None:
    typed = Ask(user_id=ADA, what="mention", message_id=50)

    assert outcome([typed], [row(token=None)], [delivered(7, reply_to=50)])[0] is Outcome.DELIVERED
    assert len(judge([typed], [row(token=None)], [delivered(7, reply_to=51)])) == 2


def test_one_direct_message_tells_of_one_request_only() -> None:
    asks = [Ask(user_id=ADA, what="imagine", token=f"token-{n}", answers=(n,)) for n in (1, 2)]
    told = Shown(id=9, text="The bot restarted; ask again.", direct_to=ADA)

    found = count(judge(asks, [], [told]))

    assert (found["accepted"], found["failed_reported"], found["lost"]) == (2, 1, 1)


def test_everything_is_counted_once() -> None:
    lost = Row(id=OTHER, user_id=BEA, status="done")
    found = count(judge([ask()], [row(), lost], [delivered()]))

    assert found == {
        "accepted": 2,
        "delivered": 1,
        "failed_reported": 0,
        "cancelled_reported": 0,
        "lost": 1,
        "doubled": 0,
        "leaked": 0,
    }


def test_a_message_is_read_as_discord_keeps_it() -> None:
    item = {"media": {"url": f"https://cdn.discordapp.com/attachments/1/2/{PICTURE}.png?ex=1"}}
    source = {"media": {"url": "https://cdn.discordapp.com/attachments/1/2/source.webp"}}
    buttons = [{"type": 2, "custom_id": f"atelier:{action}:{JOB}.1"} for action in ("remix", "again")]
    components = [
        {
            "type": 17,
            "components": [{"type": 10, "content": "a red apple"}, {"type": 9, "accessory": source}],
        },
        {"type": 12, "items": [item]},
        {"type": 1, "components": buttons},
    ]
    reference = {"message_id": "77", "channel_id": "3"}
    kept = message(8, bot_user(), components=components, flags=EPHEMERAL, message_reference=reference)

    assert Shown.of(kept, direct_to=ADA) == Shown(
        id=8,
        text="a red apple",
        jobs=frozenset({JOB}),
        actions=frozenset({"remix", "again"}),
        pictures=frozenset({PICTURE}),
        private=True,
        direct_to=ADA,
        reply_to=77,
    )
    assert Shown.of(message(9, bot_user(), flags=LOADING)).thinking
