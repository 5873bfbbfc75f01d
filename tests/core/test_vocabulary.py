import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.vocabulary import Entry, Hit, Match, Vocabulary, words_of

VOCABULARY = Vocabulary(
    [
        Entry(name="tree", keywords=("one",)),
        Entry(name="pine tree", keywords=("evergreen", "green tree")),
        Entry(name="cherries"),
        Entry(name="bus"),
        Entry(name="fox", keywords=("bunny",)),
        Entry(name="maple leaf"),
        Entry(name="dragon", keywords=("cherries", "lizard")),
        Entry(name="elephant"),
        Entry(name="planet"),
        Entry(name="shirt", keywords=("flower",)),
        Entry(name="rose", keywords=("flowers",)),
    ],
    ignored={"one", "plant"},
)


def found(text: str) -> list[tuple[str, Match]]:
    return [(hit.name, hit.match) for hit in VOCABULARY.hits(words_of(text))]


def guessed(text: str) -> str | None:
    hit = VOCABULARY.guess(words_of(text))
    return hit.name if hit else None


def test_words_are_lower_case_and_parted_by_hyphens_and_apostrophes() -> None:
    assert words_of("An 8-Bit cat's TAIL, twice_over") == [
        "an", "8", "bit", "cat", "s", "tail", ",", "twice", "over",
    ]  # fmt: skip


def test_a_hit_says_where_it_stands() -> None:
    assert VOCABULARY.hits(["a", "pine", "tree"]) == [Hit("pine tree", 1, 3, Match.NAME)]


def test_the_longest_name_is_found_first_and_no_word_counts_twice() -> None:
    assert found("pine tree tree") == [("pine tree", Match.NAME), ("tree", Match.NAME)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("trees", "tree"),
        ("Pine-Trees", "pine tree"),
        ("pinetree", "pine tree"),
        ("foxes", "fox"),
        ("buses", "bus"),
        ("maple leaves", "maple leaf"),
        ("cherry", "cherries"),
    ],
)
def test_a_name_is_found_in_its_other_number_and_written_together(text: str, name: str) -> None:
    assert found(text) == [(name, Match.NAME)]


@pytest.mark.parametrize("text", ["evergreen", "evergreens", "green tree"])
def test_a_keyword_is_found_as_one(text: str) -> None:
    assert found(text) == [("pine tree", Match.KEYWORD)]


def test_a_name_is_no_keyword_of_something_else() -> None:
    assert found("cherries") == [("cherries", Match.NAME)]


def test_a_keyword_that_is_written_out_goes_before_the_plural_of_another() -> None:
    assert found("flowers") == [("rose", Match.KEYWORD)]


def test_no_name_reaches_across_punctuation() -> None:
    assert found("pine, tree") == [("tree", Match.NAME)]


def test_an_ignored_word_is_nobodys_keyword() -> None:
    assert found("one") == []


@pytest.mark.parametrize(
    ("slip", "name"),
    [("elefant", "elephant"), ("elephnat", "elephant"), ("dragn", "dragon"), ("dargon", "dragon")],
)
def test_a_slip_of_a_longer_name_is_guessed(slip: str, name: str) -> None:
    assert guessed(f"my {slip}") == name


@pytest.mark.parametrize("word", ["the", "big", "night", "short", "plant", "wagon", "elegance", ""])
def test_another_word_is_no_slip(word: str) -> None:
    assert guessed(word) is None


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    words = words_of(text)
    hits = VOCABULARY.hits(words)

    assert all(0 <= hit.start < hit.end <= len(words) for hit in hits)
    assert VOCABULARY.guess(words) == VOCABULARY.guess(words)


def test_an_empty_list_finds_nothing() -> None:
    assert Vocabulary([]).hits(["cat"]) == []
