"""What a prompt names of the few things, styles and backgrounds that a small model knows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core.vocabulary import Entry, Hit, Match, Vocabulary, words_of

_SCENERY: Final = frozenset({"background", "backdrop", "bg"})
_MARKS: Final = frozenset(".,;:!?")
_JOINING: Final = frozenset({"and", "with", "in", "by", "at", "as"}) | _MARKS
"""What may follow on "on blue", if anything: "on blue wheels" says nothing of the background."""
_SMALL: Final = _MARKS.union(
    words_of(
        """a an the of in on at to for by with and or is it its as from into this that my your our me us i you
        s make made draw drawn show give paint turn please picture image style"""
    )
)
"""Words that need not be understood."""
_VAGUE: Final = frozenset(
    words_of(
        """one two three some any all over under up down out off back front side where here there new old big
        small little good best nice cute happy sad angry funny silly lazy slow wild young baby wise beautiful
        lovely pretty ugly simple easy shiny dark soft high medium positive negative dangerous proud strong
        rich raised open done late running sitting waiting sit eat talk jump ride cut kick man men day morning
        summer life body family order class shape art artist photo reading country future"""
    )
)
"""Words that name no thing, whatever a list of keywords says."""
_NO_SLIPS: Final = frozenset(
    words_of(
        """plant lighting cover state speaker farming framing mounting speeding selling sending seeking factor
        shooter bandana boutique compress"""
    )
)
"""Words that are near to a thing's name ("planet", "lightning", "clover"), but are words of their own."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was found in a text."""

    thing: Hit | None
    style: Hit | None
    colour: Hit | None
    """Of the background."""
    all_read: bool
    """Whether that accounts for every word that matters."""


class Hearing:
    """Finds in a text what to draw, in which style and on which background."""

    def __init__(self, things: Iterable[Entry], styles: Sequence[Entry], colours: Sequence[Entry]) -> None:
        taken = {word for entry in (*styles, *colours) for word in words_of(entry.name)}
        self.things = Vocabulary(things, _SMALL | _VAGUE | _NO_SLIPS | taken)
        self.styles = Vocabulary(styles, _SMALL)
        self.colours = Vocabulary(colours, _SMALL)

    def hear(self, words: Sequence[str], *, names_only: bool = False) -> Heard:
        """What is named in these words (see `words_of`); with `names_only`, by nothing but its name."""
        backgrounds = list(self._backgrounds(words))
        words = without(words, backgrounds)
        styles = _allowed(self.styles.hits(words), names_only)
        plain = without(words, _surely_styles(words, styles))
        things = _allowed(self.things.hits(plain), names_only)
        thing = min(things, key=lambda hit: (self._doubt(hit, plain, things), hit.start), default=None)
        if thing is None and not names_only:
            thing = self.things.guess(without(plain, styles))
        words = without(words, [thing])
        styles = [hit for hit in styles if words[hit.start]]
        style = min(styles, key=lambda hit: (hit.match, hit.start), default=None)
        if style is None and not names_only:
            style = self.styles.guess(words)
        rest = without(words, [hit for hit in styles if style and hit.name == style.name])
        return Heard(thing, style, next(iter(backgrounds), None), {*rest} <= {"", *_SMALL, *_SCENERY})

    def _backgrounds(self, words: Sequence[str]) -> Iterator[Hit]:
        """Colours used as a background: "blue background", or "on blue" at the end of a thought."""
        for hit in self.colours.hits(words):
            after = words[hit.end] if hit.end < len(words) else "."
            if after in _SCENERY:
                yield Hit(hit.name, hit.start, hit.end + 1, hit.match)
            elif hit.start and words[hit.start - 1] == "on" and after in _JOINING:
                yield hit

    def _doubt(self, hit: Hit, words: Sequence[str], things: Sequence[Hit]) -> int:
        """How doubtful it is that a hit is what to draw, from 0.

        "orange" and "pencil" may be meant as a colour and a style; before another thing they surely are.
        """
        word = words[hit.start]
        double = hit.end - hit.start == 1 and (word in self.colours or word in self.styles)
        if double and any(other.start == hit.end for other in things):
            return 3
        return 2 if hit.match is Match.KEYWORD else int(double)


def without(words: Sequence[str], hits: Iterable[Hit | None]) -> list[str]:
    """The words with those of the hits blank, so that all others keep their places."""
    gone = {index for hit in hits if hit for index in range(hit.start, hit.end)}
    return ["" if index in gone else word for index, word in enumerate(words)]


def _allowed(hits: list[Hit], names_only: bool) -> list[Hit]:
    return [hit for hit in hits if hit.match is Match.NAME] if names_only else hits


def _surely_styles(words: Sequence[str], styles: Sequence[Hit]) -> Iterator[Hit]:
    """Words that name no thing: a style's name, two words of one style ("pencil drawing"), "in pencil"."""
    starts = {(hit.name, hit.start) for hit in styles}
    ends = {(hit.name, hit.end) for hit in styles}
    for hit in styles:
        beside = (hit.name, hit.end) in starts or (hit.name, hit.start) in ends
        if hit.match is Match.NAME or beside or (hit.start and words[hit.start - 1] == "in"):
            yield hit
