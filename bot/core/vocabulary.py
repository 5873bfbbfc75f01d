"""Finds a list's entries in a text: by name, by keyword, or by a name that is misspelt."""

import difflib
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_TOKEN: Final = re.compile(r"[^\W_]+|[.,;:!?]")
_SHORTEST_TYPED: Final = 5
_SHORTEST_SPELT: Final = 6
"""Letters: shorter names are a letter away from too many other words ("short", "shirt")."""
_LONG: Final = 7
_LIKENESS: Final = 0.84
_LIKENESS_LONG: Final = 0.8
"""By `difflib`, 0 to 1: "elefant" is as near as that to "elephant". Tried on 90,000 words."""
_KEEP_S: Final = 3
"""Letters up to which a word's final s is no plural ("bus")."""


class Match(IntEnum):
    """How an entry was found, surest first."""

    NAME = 0
    KEYWORD = 1
    SPELLING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name, one or several words, and other words for the same."""

    name: str
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry's name, and the words `start` to `end` (exclusive) that gave it."""

    name: str
    start: int
    end: int
    match: Match


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, and its punctuation, which no name reaches across.

    Hyphens and apostrophes part words: "8-bit" is two of them, as "8 bit" is.
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


class Vocabulary:
    """Names with their keywords. What is found first is the longest, and a name before a keyword.

    Args:
        ignored: words that are nobody's keyword, nor anybody's name misspelt.
    """

    def __init__(self, entries: Iterable[Entry], ignored: Container[str] = frozenset()) -> None:
        listed = [
            (e.name, tuple(words_of(e.name)), [tuple(words_of(k)) for k in e.keywords]) for e in entries
        ]
        self._ignored = ignored
        self._phrases = {words: (name, Match.NAME) for name, words, _ in listed}
        for name, words, _ in listed:
            for form in (*_plurals(words), *_singulars(words), ("".join(words),)):
                self._phrases.setdefault(form, (name, Match.NAME))
        known = [(name, words) for name, _, keywords in listed for words in keywords]
        plurals = [(name, form) for name, words in known for form in _plurals(words)]
        for name, words in (*known, *plurals):
            if words and not (len(words) == 1 and words[0] in ignored):
                self._phrases.setdefault(words, (name, Match.KEYWORD))
        self._longest = max(map(len, self._phrases), default=0)
        self._spelt: dict[str, dict[str, str]] = {}
        """By first letter, which few people miss: a name's one word -> the name."""
        for name, words, _ in listed:
            if len(words) == 1 and len(words[0]) >= _SHORTEST_SPELT:
                self._spelt.setdefault(words[0][0], {})[words[0]] = name

    def __contains__(self, word: str) -> bool:
        """Whether this word alone is a name or a keyword."""
        return (word,) in self._phrases

    def hits(self, words: Sequence[str]) -> list[Hit]:
        """What is named in these words, from left to right; no word counts twice."""
        found: list[Hit] = []
        start = 0
        while start < len(words):
            hit = self._at(words, start)
            start = start + 1 if hit is None else hit.end
            if hit is not None:
                found.append(hit)
        return found

    def guess(self, words: Sequence[str]) -> Hit | None:
        """The first word that is nearly a name of one word; None when there is none."""
        for index, word in enumerate(words):
            if len(word) >= _SHORTEST_TYPED and word not in self._ignored:
                names = self._spelt.get(word[0], {})
                near = max(names, key=lambda name: (_likeness(word, name), name), default="")
                if near and _likeness(word, near):
                    return Hit(names[near], index, index + 1, Match.SPELLING)
        return None

    def _at(self, words: Sequence[str], start: int) -> Hit | None:
        for end in range(min(start + self._longest, len(words)), start, -1):
            found = self._phrases.get(tuple(words[start:end]))
            if found is not None:
                return Hit(found[0], start, end, found[1])
        return None


def _likeness(word: str, name: str) -> float:
    """How near a word is to a name, 0 (too far) to 1."""
    if abs(len(word) - len(name)) > 1:
        return 0.0
    if sorted(word) == sorted(name):  # letters that changed places are what fingers do most
        return 1.0
    likeness = difflib.SequenceMatcher(None, word, name, autojunk=False).ratio()
    return likeness if likeness >= (_LIKENESS_LONG if len(word) >= _LONG else _LIKENESS) else 0.0


def _plurals(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Words with the last one in the plural, by the regular rules."""
    *head, last = words or ("",)
    if last.endswith(("s", "x", "z", "ch", "sh", "o")):
        yield (*head, f"{last}es")
    if last.endswith("y"):
        yield (*head, f"{last[:-1]}ies")
    if last.endswith(("f", "fe")):
        yield (*head, f"{last.removesuffix('e')[:-1]}ves")
    if last:
        yield (*head, f"{last}s")


def _singulars(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Words that are a plural already ("cherries") with the last one in the singular."""
    *head, last = words or ("",)
    if last.endswith("ies"):
        yield (*head, f"{last[:-3]}y")
    if last.endswith("s") and not last.endswith("ss") and len(last) > _KEEP_S:
        yield (*head, last[:-1])
