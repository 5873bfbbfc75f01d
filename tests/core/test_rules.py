"""A server's own rules for the queue."""

import pytest

from bot.core.errors import OptionError, TooManyWaitingError
from bot.core.jobs import Origin
from bot.core.requests import ImagineRequest
from bot.core.rules import QueueRules, RuleBook
from tests.core.examples import ANNA, BERT, STUDIO
from tests.core.house import House
from tests.core.stores import MemoryPreferences

PATRONS, HELPERS = 71, 72


def test_the_best_boost_counts() -> None:
    rules = QueueRules(boosts={PATRONS: 2.0, HELPERS: 3.0})

    assert rules.weight([PATRONS, HELPERS, 1]) == 3.0
    assert rules.weight([1]) == 1.0


def test_a_boost_of_one_takes_it_away() -> None:
    rules = QueueRules().boosted(PATRONS, 2.0)

    assert rules.boosts == {PATRONS: 2.0}
    assert rules.boosted(PATRONS, 1.0).boosts == {}
    assert QueueRules().boosted(PATRONS, 1.0).boosts == {}


@pytest.mark.parametrize(
    "wrong",
    [{"limit_per_user": 0}, {"running_per_user": 101}, {"boosts": {PATRONS: 0.5}}, {"boosts": {1: 9.0}}],
)
def test_rules_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        QueueRules(**wrong)  # type: ignore[arg-type] # by name


async def test_rules_are_kept_for_each_server() -> None:
    preferences = MemoryPreferences()
    rules = QueueRules(limit_per_user=3, running_per_user=1, boosts={PATRONS: 2.5})
    await RuleBook(preferences).set(9, rules)

    book = RuleBook(preferences)
    await book.read()
    assert book.of(9) == rules
    assert book.of(10) == book.of(None) == QueueRules()


async def test_a_boost_is_kept_with_the_job(house: House) -> None:
    await house.service.rules.set(9, QueueRules(boosts={PATRONS: 2.0}))
    origin = Origin(user_id=ANNA, guild_id=9, channel_id=STUDIO)

    boosted = await house.service.submit(ImagineRequest(prompt="a fox"), origin, roles=[PATRONS])
    plain = await house.service.submit(ImagineRequest(prompt="a fox"), origin, roles=[HELPERS])

    assert (house.row(boosted).weight, house.row(plain).weight) == (2.0, 1.0)


async def test_a_servers_cap_holds_there_alone(closed_house: House) -> None:
    await closed_house.service.rules.set(9, QueueRules(limit_per_user=1))
    await closed_house.submit()

    with pytest.raises(TooManyWaitingError):
        await closed_house.submit()
    with pytest.raises(TooManyWaitingError):
        closed_house.service.check(ImagineRequest(prompt="a fox"), ANNA, 9)
    closed_house.service.check(ImagineRequest(prompt="a fox"), ANNA, 10)
    await closed_house.submit(user=BERT)
