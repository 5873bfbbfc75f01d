"""How far apart a card's edits are."""

import pytest

from cogs.ui.pace import AFTER_REFUSAL, LEAST, gap


@pytest.mark.parametrize(
    ("cards", "took", "refused", "seconds"),
    [
        (1, 0.2, False, LEAST),
        (15, 0.2, False, LEAST),
        (100, 0.2, False, 10.0),
        (1, 5.0, False, 10.0),
        (1, 0.2, True, AFTER_REFUSAL),
        (300, 20.0, True, 40.0),
    ],
    ids=["usual", "some load", "much load", "after a 429", "refused", "all at once"],
)
def test_edits_are_further_apart_under_load_and_when_discord_is_slow(
    cards: int, took: float, refused: bool, seconds: float
) -> None:
    assert gap(cards=cards, took=took, refused=refused) == seconds
