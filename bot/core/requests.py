"""What a user asks for: frozen, validated, in diffusers' own words. None means the model's default."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.core.errors import OptionError, PromptError
from bot.core.ids import GenerationId
from bot.core.strength import DEFAULT_LADDER, DEFAULT_STRENGTH, check_ladder, check_strength

MAX_PROMPT: Final = 1000
MAX_COUNT: Final = 4
MAX_SEED: Final = 2**32 - 1


class Kind(StrEnum):
    """What a job makes."""

    IMAGINE = "imagine"
    REMIX = "remix"
    LADDER = "ladder"


class Aspect(StrEnum):
    """The shapes that `/imagine` offers; the sizes in pixels are the model's matter."""

    SQUARE = "1:1"
    PORTRAIT = "2:3"
    LANDSCAPE = "3:2"
    TALL = "9:16"
    WIDE = "16:9"

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        width, height = self.value.split(":")
        return int(width) / int(height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The picture that a remix starts from, already stored under its hash."""

    sha256: str
    width: int
    height: int
    prompt: str | None = None
    """The prompt it was made with, from history or from its own metadata; None when unknown."""
    model_prompt: str | None = None
    """What its model was given instead; None for the same (see `Recipe`)."""
    parent_id: GenerationId | None = None
    jump_url: str | None = None
    """The message it was taken from."""

    @property
    def given_prompt(self) -> str | None:
        """What its model was given: says more of the picture than "make it neon" does."""
        return self.prompt if self.model_prompt is None else self.model_prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagineRequest:
    """Pictures from a prompt.

    Raises:
        PromptError: the prompt is empty (for image-to-image it may be) or too long.
        OptionError: count or seed out of range. Steps, guidance and size depend on the model and are
            checked by `recipe.plan`.
    """

    prompt: str
    negative_prompt: str = ""
    aspect: Aspect | None = None
    size: tuple[int, int] | None = None
    """An exact (width, height) in pixels; wins over `aspect`."""
    count: int = 1
    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    model: str | None = None

    @property
    def kind(self) -> Kind:
        return Kind.IMAGINE

    @property
    def prompt_required(self) -> bool:
        return True

    def __post_init__(self) -> None:
        if self.prompt_required and not self.prompt.strip():
            raise PromptError(0, MAX_PROMPT)
        for text in (self.prompt, self.negative_prompt):
            if len(text) > MAX_PROMPT:
                raise PromptError(len(text), MAX_PROMPT)
        if not 1 <= self.count <= MAX_COUNT:
            raise OptionError("count", self.count, 1, MAX_COUNT)
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise OptionError("seed", self.seed, 0, MAX_SEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixRequest(ImagineRequest):
    """Pictures from a picture and a prompt (which may be empty).

    Raises:
        OptionError: strength is not above 0 and at most 1; and as `ImagineRequest`.
    """

    source: Source
    strength: float = DEFAULT_STRENGTH

    @property
    def kind(self) -> Kind:
        return Kind.REMIX

    @property
    def prompt_required(self) -> bool:
        return False

    def __post_init__(self) -> None:
        super(RemixRequest, self).__post_init__()
        check_strength(self.strength)


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRequest(RemixRequest):
    """The same source, prompt and seed at several strengths, for one labelled sheet.

    Raises:
        StrengthsError: the strengths are repeated, fewer than 2 or more than 9; and as `RemixRequest`.
    """

    strengths: tuple[float, ...] = DEFAULT_LADDER

    @property
    def kind(self) -> Kind:
        return Kind.LADDER

    def __post_init__(self) -> None:
        super(LadderRequest, self).__post_init__()
        check_ladder(self.strengths)


UNKNOWN_SOURCE: Final = Source(sha256="0" * 64, width=1, height=1)
"""Stands in for the picture while everything else of a request is checked, before it is fetched."""
