"""What to offer somebody who types a prompt for a model of few words."""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Final, TypeVar

from bot.core.lexicon import Lexicon, Thing
from bot.core.vocabulary import Entry, words_of

LONGEST: Final = 100
"""Characters that Discord takes in a choice."""
_SCENERY: Final = "background"
_BEFORE_SCENERY: Final = frozenset({"on", "with"})
_EVERY: Final = 3
"""Of a mixed selection, one in so many has a background."""

AnyEntry = TypeVar("AnyEntry", bound=Entry)


def suggest(lexicon: Lexicon, text: str, limit: int = 25) -> list[str]:
    """Prompts in the model's own words that fit `text`, whose last word may be half typed.

    A thing comes in all styles, then on all backgrounds; empty text gives a mixed selection, and text
    that leads nowhere gives none. At most `limit`, no two alike, each of at most `LONGEST` characters.
    """
    found: dict[str, None] = {}
    for prompt in _prompts(lexicon, text):
        if len(found) == limit:
            break
        if len(prompt) <= LONGEST:
            found[prompt] = None
    return list(found)


def _prompts(lexicon: Lexicon, text: str) -> Iterator[str]:
    words = words_of(text)
    typed = words.pop() if words and not text[-1].isspace() else ""
    words, typed = _completed(lexicon, words, typed)
    heard = lexicon.hearing.hear([*words, typed])
    style = heard.style.name if heard.style else None
    colour = heard.colour.name if heard.colour else None
    begun = _begun(lexicon.objects, words, typed)
    if heard.thing:
        within = heard.thing.end > len(words)  # the half-typed word is the thing's, or says how to draw it
        yield from _of_thing(lexicon, heard.thing.name, style, colour, [] if within else [*words, typed])
        begun = begun if within else []
    elif not begun:
        styles = _begun(lexicon.styles, words, typed)
        for entry in styles:
            yield from _mixed(lexicon, entry.name, colour)
        if not styles and (style or colour or not typed):
            yield from _mixed(lexicon, style, colour)
    for name in _ordered(lexicon, style):
        for thing in begun:
            yield lexicon.phrase(thing.name, name, colour)


def _of_thing(
    lexicon: Lexicon, thing: str, style: str | None, colour: str | None, words: Sequence[str]
) -> Iterator[str]:
    """A thing in the styles and on the backgrounds that `words` begin to name, then in all others."""
    first, *others = _ordered(lexicon, style)
    in_styles = [lexicon.phrase(thing, name, colour) for name in (first, *others)]
    on_colours = [lexicon.phrase(thing, first, entry.name) for entry in lexicon.colours]
    scenery = bool(_BEFORE_SCENERY.intersection(words))
    if words and not scenery:
        for begun in _begun(lexicon.styles, words[:-1], words[-1]):
            yield lexicon.phrase(thing, begun.name, colour)
    if words:
        for shade in _begun(lexicon.colours, words[:-1], words[-1]):
            yield lexicon.phrase(thing, first, shade.name)
    if scenery and colour is None:
        yield from on_colours
    yield from in_styles[:1] if style else in_styles
    yield from on_colours
    yield from in_styles


def _mixed(lexicon: Lexicon, style: str | None, colour: str | None) -> Iterator[str]:
    """Something of every group, in one style or in all by turns, now and then on a background."""
    groups: dict[str, list[Thing]] = {}
    for thing in lexicon.objects:
        groups.setdefault(thing.group, []).append(thing)
    styles = [style] if style else [entry.name for entry in lexicon.styles]
    colours = [colour] if colour else [entry.name for entry in lexicon.colours]
    rows = zip_longest(*groups.values())
    for number, thing in enumerate(filter(None, chain.from_iterable(rows))):
        turn, rest = divmod(number, _EVERY)
        on_it = colour or (colours[turn % len(colours)] if colours and rest == _EVERY - 1 else None)
        # Where there are as many groups as styles, each would else keep to one.
        yield lexicon.phrase(thing.name, styles[(number + number // len(groups)) % len(styles)], on_it)


def _completed(lexicon: Lexicon, words: list[str], typed: str) -> tuple[list[str], str]:
    """What is typed, with the rest of "pencil sk(etch)" or "on a blue ba(ckground)"."""
    if words and typed:
        for entry in lexicon.styles:
            name = words_of(entry.name)
            if name[:-1] == words[-len(name) + 1 :] and name[-1].startswith(typed) and len(name) > 1:
                return [*words[: -len(name) + 1], *name], ""
    if words and words[-1] in lexicon.hearing.colours and _BEFORE_SCENERY.intersection(words):
        return words, _SCENERY if _SCENERY.startswith(typed) else typed
    return words, typed


def _begun(entries: Sequence[AnyEntry], words: Sequence[str], typed: str) -> list[AnyEntry]:
    """Entries that what is typed begins: with the word before it, if any does, else alone."""
    if words:
        both = [e for e in entries if " ".join(words_of(e.name)).startswith(f"{words[-1]} {typed}")]
        if both:
            return both
    if not typed:
        return []
    by_name = [e for e in entries if " ".join(words_of(e.name)).startswith(typed)]
    by_word = [e for e in entries if any(word.startswith(typed) for word in words_of(e.name)[1:])]
    by_keyword = [e for e in entries if any(keyword.casefold().startswith(typed) for keyword in e.keywords)]
    return list(dict.fromkeys([*by_name, *by_word, *by_keyword]))


def _ordered(lexicon: Lexicon, style: str | None) -> list[str]:
    """The names of the styles, this or the default one first."""
    first = style or lexicon.default_style
    return [first, *(entry.name for entry in lexicon.styles if entry.name != first)]
