"""English enough for a prompt: "an owl", "a unicorn", "neon grapes"."""

from itertools import pairwise
from typing import Final

BLANK: Final = "{}"
_VOWELS: Final = ("a", "e", "i", "o", "u")
_SPOKEN_YOU: Final = ("uni", "ufo", "use", "eu")
_SILENT_H: Final = ("hour", "honest", "heir")
_NO_PLURALS: Final = ("ss", "us", "os", "is")
_SHORTEST_PLURAL: Final = 4


def fill(form: str, *values: str) -> str:
    """`str.format` for a form that is somebody's data: braces other than {} mean nothing."""
    for value in values:
        form = form.replace(BLANK, value, 1)
    return form


def describe(form: str, thing: str) -> str:
    """`form` with `thing` in its {}: one of many takes no article ("a neon {}", grapes: "neon grapes")."""
    if is_plural(thing):
        form = form.replace(f"a {BLANK}", BLANK) if f"a {BLANK}" in form else form.removeprefix("a ")
    return with_articles(fill(form, thing))


def is_plural(noun: str) -> bool:
    """Whether a noun looks like several: "fries", but not "bus", "dress" or "rhinoceros"."""
    return len(noun) >= _SHORTEST_PLURAL and noun.endswith("s") and not noun.endswith(_NO_PLURALS)


def with_articles(text: str) -> str:
    """One space between words, and "an" for "a" before a vowel that is spoken as one."""
    words = [*text.split(), ""]
    return " ".join(
        "an" if word == "a" and _is_spoken_vowel(after) else word for word, after in pairwise(words)
    )


def _is_spoken_vowel(word: str) -> bool:
    return word.startswith((*_VOWELS, *_SILENT_H)) and not word.startswith(_SPOKEN_YOU)
