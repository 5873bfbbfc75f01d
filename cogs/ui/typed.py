"""Commands typed as text: `@Atelier remix strength:0.6 as a neon house`."""

import re
from dataclasses import dataclass
from typing import Any, Final

from bot.core.errors import ChoiceError, SyntaxProblemError
from bot.core.requests import Aspect, ImagineRequest, Kind, LadderRequest, RemixRequest, Source
from bot.core.strength import DEFAULT_LADDER, DEFAULT_STRENGTH, parse_strengths

_COMMAND: Final = re.compile(rf"\s*/?(?P<kind>{'|'.join(Kind)})\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_OPTION: Final = re.compile(
    r"(?<!\S)(?P<name>strengths?|count|seed|steps|guidance|model|aspect|source|negative_prompt|prompt):\s?"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>\S+))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command read from text. `prompt` is None when nothing was said of it."""

    kind: Kind
    prompt: str | None
    options: dict[str, str]

    @property
    def source(self) -> str | None:
        """What `source:` names."""
        return self.options.get("source")

    def request(self, source: Source | None) -> ImagineRequest:
        """The request; `source` is there for everything but `imagine`.

        Raises:
            RequestError: an option that cannot be read or is out of range, or a bad prompt.
        """
        aspect = self.options.get("aspect")
        if aspect is not None and aspect not in tuple(Aspect):
            raise ChoiceError("aspect", aspect, tuple(Aspect))
        count = self._whole("count")
        count = 1 if count is None else count
        shared: dict[str, Any] = {
            "prompt": self.prompt or (source and source.prompt) or "",
            "negative_prompt": self.options.get("negative_prompt", ""),
            "aspect": aspect and Aspect(aspect),
            "seed": self._whole("seed"),
            "num_inference_steps": self._whole("steps"),
            "guidance_scale": self._number("guidance"),
            "model": self.options.get("model"),
        }
        if source is None:
            return ImagineRequest(count=count, **shared)
        if self.kind is Kind.LADDER:
            strengths = self.options.get("strengths", self.options.get("strength"))
            ladder = DEFAULT_LADDER if strengths is None else parse_strengths(strengths)
            return LadderRequest(source=source, strengths=ladder, **shared)
        strength = self._number("strength")
        return RemixRequest(
            source=source,
            strength=DEFAULT_STRENGTH if strength is None else strength,
            count=count,
            **shared,
        )

    def _number(self, name: str) -> float | None:
        text = self.options.get(name)
        try:
            return None if text is None else float(text.replace(",", "."))
        except ValueError as error:
            raise SyntaxProblemError(name, text or "", "a number such as 0.6") from error

    def _whole(self, name: str) -> int | None:
        text = self.options.get(name)
        try:
            return None if text is None else int(text)
        except ValueError as error:
            raise SyntaxProblemError(name, text or "", "a whole number") from error


def parse_typed(text: str) -> Typed | None:
    """Read a command; None when the text does not begin with one, so that people can just talk.

    Options are `name:value` or `name:"several words"`, anywhere; the rest is the prompt, with a
    leading "as" dropped: "remix strength:0.6 as a neon house" asks for "a neon house".
    """
    command = _COMMAND.fullmatch(text)
    if command is None:
        return None
    options: dict[str, str] = {}
    for option in _OPTION.finditer(command["rest"]):
        value = option["quoted"] if option["quoted"] is not None else option["bare"]
        options[option["name"].lower()] = value
    rest = " ".join(_OPTION.sub(" ", command["rest"]).split())
    prompt = options.pop("prompt", None) or re.sub(r"^(?:as|into)\s+", "", rest, flags=re.IGNORECASE)
    return Typed(Kind(command["kind"].lower()), prompt or None, options)
