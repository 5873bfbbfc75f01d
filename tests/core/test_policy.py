import pytest

from bot.core.errors import ChannelNotServedError, NotYoursError, SourceAccessError
from bot.core.jobs import Origin
from bot.core.policy import (
    Actor,
    SpoilerRule,
    check_cancel,
    check_channel,
    check_delete,
    check_pick,
    check_use,
    is_spoilered,
)
from tests.core.examples import ANNA, BERT, TINY, a_generation

OWNER, MODERATOR, OTHER = Actor(ANNA), Actor(BERT, moderator=True), Actor(BERT)
ANNAS = Origin(user_id=ANNA)
CHECKED = type(TINY)(name="checked", source="x", checked=True)


@pytest.mark.parametrize("actor", [OWNER, MODERATOR])
def test_owner_and_moderators_may_cancel_and_delete(actor: Actor) -> None:
    check_cancel(actor, ANNAS)
    check_delete(actor, ANNAS)


def test_nobody_else_may_cancel() -> None:
    with pytest.raises(NotYoursError) as caught:
        check_cancel(OTHER, ANNAS)

    assert caught.value.action == "cancel"


def test_nobody_else_may_delete() -> None:
    with pytest.raises(NotYoursError) as caught:
        check_delete(OTHER, ANNAS)

    assert caught.value.action == "delete"


def test_the_owner_may_pick() -> None:
    check_pick(OWNER, ANNAS)


@pytest.mark.parametrize("actor", [MODERATOR, OTHER])
def test_nobody_else_may_pick_not_even_a_moderator(actor: Actor) -> None:
    with pytest.raises(NotYoursError) as caught:
        check_pick(actor, ANNAS)

    assert caught.value.action == "pick"


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("readable", [False, True])
def test_the_owner_may_always_use_a_picture(private: bool, readable: bool) -> None:
    check_use(OWNER, a_generation(user=ANNA, private=private), readable=readable)


def test_whoever_can_read_it_may_use_a_posted_picture() -> None:
    check_use(OTHER, a_generation(user=ANNA), readable=True)


@pytest.mark.parametrize("actor", [MODERATOR, OTHER])
def test_nobody_uses_what_they_cannot_read(actor: Actor) -> None:
    with pytest.raises(SourceAccessError):
        check_use(actor, a_generation(user=ANNA), readable=False)


@pytest.mark.parametrize("readable", [False, True])
def test_nobody_uses_anothers_private_picture(readable: bool) -> None:
    with pytest.raises(NotYoursError) as caught:
        check_use(MODERATOR, a_generation(user=ANNA, private=True), readable=readable)

    assert caught.value.action == "use"


@pytest.mark.parametrize(
    ("channels", "served"), [((5, None), ()), ((5, None), (4, 5)), ((6, 5), (5,)), ((None, None), ())]
)
def test_a_channel_is_served_by_its_own_id_or_its_parents(
    channels: tuple[int | None, ...], served: tuple[int, ...]
) -> None:
    check_channel(channels, served)


@pytest.mark.parametrize("channels", [(5, None), (5, 6), (None, None)])
def test_other_channels_are_told_which_are_served(channels: tuple[int | None, ...]) -> None:
    with pytest.raises(ChannelNotServedError) as caught:
        check_channel(channels, (7, 8))

    assert caught.value.channels == (7, 8)


@pytest.mark.parametrize(
    ("rule", "checked", "unchecked"),
    [
        (SpoilerRule.NEVER, False, False),
        (SpoilerRule.UNCHECKED, False, True),
        (SpoilerRule.ALWAYS, True, True),
    ],
)
def test_the_rule_says_which_pictures_are_spoilered(
    rule: SpoilerRule, checked: bool, unchecked: bool
) -> None:
    assert is_spoilered(CHECKED, rule) is checked
    assert is_spoilered(TINY, rule) is unchecked


def test_an_actor_is_no_moderator_unless_said_so() -> None:
    assert not OTHER.moderator


@pytest.mark.parametrize(("text", "rule"), [(rule.value, rule) for rule in SpoilerRule])
def test_rules_are_named_in_the_settings_by_their_words(text: str, rule: SpoilerRule) -> None:
    assert SpoilerRule(text) is rule
    assert text in {"never", "unchecked", "always"}
