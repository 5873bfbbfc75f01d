"""The few words that a small model knows, and how a prompt is written anew in them.

A model's folder may hold `lexicon.json`: what the model can draw, in which styles, and on which
backgrounds.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.core.hearing import Hearing
from bot.core.vocabulary import Entry, Match, words_of
from bot.core.wording import BLANK, describe, fill, with_articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing(Entry):
    """Something to draw; `group` is what suggestions mix."""

    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style(Entry):
    """A way to draw: `form` is a prompt with {} for the thing."""

    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a prompt was read as."""

    prompt: str
    """What the model is given: its own words, or the prompt as it is when no thing was found in it."""
    thing: str | None = None
    style: str | None = None
    colour: str | None = None
    """Of the background; None leaves it to the model."""
    match: Match | None = None
    """How thing, style and colour were found: the least sure of them. None when no thing was."""
    literal: bool = False
    """Whether the prompt says just this: nothing passed over, guessed, or taken from the source."""

    @property
    def known(self) -> bool:
        """Whether a thing was found."""
        return self.thing is not None


@dataclass(frozen=True, kw_only=True)  # no slots: `hearing` is made once, when first needed
class Lexicon:
    """What a model can draw. The order is the one in which it is offered.

    Raises:
        ValueError: there is nothing to draw, a name is there twice or has no words, a form lacks its
            {} (the background needs two), or the default style is not there.
    """

    objects: tuple[Thing, ...]
    styles: tuple[Style, ...]
    default_style: str
    colours: tuple[Entry, ...] = ()
    """Of backgrounds."""
    background: str = "{} on a {} background"
    """A prompt with {} for the thing and {} for the colour."""

    def __post_init__(self) -> None:
        if not self.objects:
            raise ValueError("there is nothing to draw")
        for entries in (self.objects, self.styles, self.colours):
            names = [" ".join(words_of(entry.name)) for entry in entries]
            if "" in names or len({*names}) < len(names):
                raise ValueError("a name is there twice, or has no words")
        if self.default_style not in (style.name for style in self.styles):
            raise ValueError(f"there is no style {self.default_style!r}")
        for form, blanks in [*((style.form, 1) for style in self.styles), (self.background, 2)]:
            if form.count(BLANK) != blanks:
                raise ValueError(f"{form!r} has not {blanks} times {BLANK}")

    @classmethod
    def from_json(cls, text: str) -> "Lexicon":
        """Read the text of a `lexicon.json`; unknown keys are passed over.

        Raises:
            ValueError: not a lexicon.
        """
        try:
            data = json.loads(text)
            return cls(
                objects=tuple(Thing(group=_text(row["group"]), **_entry(row)) for row in data["objects"]),
                styles=tuple(Style(form=_text(row["form"]), **_entry(row)) for row in data["styles"]),
                default_style=_text(data["default_style"]),
                colours=tuple(Entry(**_entry(row)) for row in data["colours"]),
                background=_text(data["background"]),
            )
        except KeyError as error:
            raise ValueError(f"not a lexicon: it has no {error}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"not a lexicon: {error}") from error

    @cached_property
    def hearing(self) -> Hearing:
        """Finds these words in a text."""
        return Hearing(self.objects, self.styles, self.colours)

    def read(self, prompt: str, source_prompt: str | None = None) -> Reading:
        """A prompt in the model's own words.

        Args:
            source_prompt: of the picture that a remix starts from. What the prompt leaves open (the
                thing, the style, the background) is taken from there.
        """
        said = self.hearing.hear(words_of(prompt))
        kept = self.hearing.hear(words_of(source_prompt or ""))
        thing = said.thing or kept.thing
        if thing is None:
            return Reading(prompt=prompt.strip())
        style, colour = said.style or kept.style, said.colour or kept.colour
        match = max(hit.match for hit in (thing, style, colour) if hit)
        style_name = style.name if style else self.default_style
        colour_name = colour.name if colour else None
        said_it = (thing, style, colour) == (said.thing, said.style, said.colour)
        return Reading(
            prompt=self.phrase(thing.name, style_name, colour_name),
            thing=thing.name,
            style=style_name,
            colour=colour_name,
            match=match,
            literal=said_it and said.all_read and match is Match.NAME,
        )

    def read_negative(self, prompt: str) -> str:
        """What of a negative prompt the model knows by name; "" for nothing: other words only do harm."""
        heard = self.hearing.hear(words_of(prompt), names_only=True)
        style = heard.style.name if heard.style else ""
        text = style
        if heard.thing:
            text = self.phrase(heard.thing.name, style) if style else describe(f"a {BLANK}", heard.thing.name)
        if heard.colour:
            text = with_articles(fill(self.background, text, heard.colour.name))
        return text

    def phrase(self, thing: str, style: str, colour: str | None = None) -> str:
        """The prompt for a thing in a style; on a background of a colour, or on any."""
        text = describe(next(s.form for s in self.styles if s.name == style), thing)
        return text if colour is None else with_articles(fill(self.background, text, colour))


def _entry(row: Any) -> dict[str, Any]:
    return {"name": _text(row["name"]), "keywords": tuple(map(_text, row.get("keywords", ())))}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
