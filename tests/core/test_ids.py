import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.errors import UnknownIdError
from bot.core.ids import (
    ALPHABET,
    ID_LENGTH,
    looks_like_id,
    new_generation_id,
    new_job_id,
    parse_generation_id,
)

IDS = st.text(ALPHABET, min_size=ID_LENGTH, max_size=ID_LENGTH)
LOOKALIKES = {"0": "0oO", "1": "1iIlL"}


@st.composite
def typed_ids(draw: st.DrawFn) -> tuple[str, str]:
    """An id, and what a person may type for it."""
    right = draw(IDS)
    letters = [draw(st.sampled_from(LOOKALIKES.get(c, c + c.lower()))) for c in right]
    gaps = draw(st.lists(st.sampled_from(["", "", "", "-", " "]), min_size=ID_LENGTH, max_size=ID_LENGTH))
    typed = "".join(letter + gap for letter, gap in zip(letters, gaps, strict=True))
    return right, draw(st.sampled_from(["{}", " {} ", "`{}`", "#{}"])).format(typed)


def test_the_alphabet_is_crockfords_without_the_letters_that_are_misread() -> None:
    assert sorted(set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") - set("ILOU")) == list(ALPHABET)


@pytest.mark.parametrize("new_id", [new_job_id, new_generation_id])
def test_new_ids_are_ids_and_differ(new_id: type[str]) -> None:
    ids = {new_id() for _ in range(200)}

    assert len(ids) == 200
    assert all(len(one) == ID_LENGTH and set(one) <= set(ALPHABET) for one in ids)


@given(typed_ids())
@example(("XK3QW9ZX", " `#xk3q-w9zx` "))
def test_an_id_is_read_however_it_is_typed(pair: tuple[str, str]) -> None:
    right, typed = pair

    assert parse_generation_id(typed) == right


@given(st.text())
@example("\N{LATIN SMALL LETTER SHARP S}" * ID_LENGTH)  # becomes longer in upper case
@example("\N{LATIN SMALL LIGATURE FF}1234567")
def test_whatever_is_read_as_an_id_is_one(text: str) -> None:
    try:
        read = parse_generation_id(text)
    except UnknownIdError:
        return
    assert len(read) == ID_LENGTH
    assert set(read) <= set(ALPHABET)


@pytest.mark.parametrize("text", ["", "7K3QW9Z", "7K3QW9ZDD", "7K3QW9ZU", "a red apple", "7K3QW9Z\u0661"])
def test_what_is_no_id_is_handed_back_as_it_was_typed(text: str) -> None:
    with pytest.raises(UnknownIdError) as caught:
        parse_generation_id(text)

    assert caught.value.text == text


def test_a_look_at_an_id_allows_lookalikes_but_no_hyphens() -> None:
    assert looks_like_id("7k3qw9zo")
    assert not looks_like_id("7K3Q-W9Z")
