import pytest

from bot.core.wording import describe, with_articles


@pytest.mark.parametrize(
    ("form", "thing", "text"),
    [
        ("a neon {}", "fox", "a neon fox"),
        ("a neon {}", "grapes", "neon grapes"),
        ("a pencil sketch of a {}", "owl", "a pencil sketch of an owl"),
        ("a pencil sketch of a {}", "fries", "a pencil sketch of fries"),
        ("pixel art of a {}", "unicorn", "pixel art of a unicorn"),
        ("pixel art of a {}", "ufo", "pixel art of a ufo"),
        ("pixel art of a {}", "umbrella", "pixel art of an umbrella"),
        ("a {}", "hourglass", "an hourglass"),
        ("a {}", "bus", "a bus"),
        ("a {}", "rhinoceros", "a rhinoceros"),
        ("a {}", "dress", "a dress"),
    ],
)
def test_a_thing_is_described_in_english(form: str, thing: str, text: str) -> None:
    assert describe(form, thing) == text


def test_an_article_fits_the_word_after_it() -> None:
    assert with_articles("a  fox on a orange background") == "a fox on an orange background"
