"""A recipe is everything needed to make one picture, and to make it again."""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from bot.core.catalog import ModelSpec
from bot.core.errors import OptionError, SizeError, UnsupportedError
from bot.core.lexicon import Lexicon
from bot.core.requests import MAX_SEED, ImagineRequest, LadderRequest, RemixRequest
from bot.core.strength import raise_steps

NEAR_NATIVE: Final = 0.75
"""A source of this share of the native pixels, or of its inverse, keeps its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All parameters of one picture, in diffusers' words; nothing is left to a default.

    `num_inference_steps` is the count handed to the pipeline; a remix runs a part of it (see
    `strength.py`). `scheduler` is filled in by the engine when the model's own is used. `prompt` and
    `negative_prompt` are what the user wrote; a model of few words is given `model_prompt` and
    `model_negative_prompt` instead, where they are not None (see `lexicon.py`).
    """

    model: str
    revision: str | None
    prompt: str
    negative_prompt: str
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    seed: int
    scheduler: str | None = None
    strength: float | None = None
    source_sha256: str | None = None
    model_prompt: str | None = None
    model_negative_prompt: str | None = None

    @property
    def is_remix(self) -> bool:
        return self.strength is not None

    @property
    def given_prompt(self) -> str:
        """What the model is given."""
        return self.prompt if self.model_prompt is None else self.model_prompt

    @property
    def given_negative_prompt(self) -> str:
        """What the model is given to keep away from."""
        return self.negative_prompt if self.model_negative_prompt is None else self.model_negative_prompt

    def to_json(self) -> str:
        """One compact JSON object with sorted keys: equal recipes give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The inverse of `to_json`; unknown keys (from a newer version) are passed over.

        Raises:
            ValueError: not a recipe.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            known = {f.name for f in fields(cls)}
            return cls(**{key: value for key, value in data.items() if key in known})
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            raise ValueError(f"not a recipe: {error}") from error


def plan(request: ImagineRequest, spec: ModelSpec, seed: int) -> tuple[Recipe, ...]:
    """The recipes of a request's pictures, in the order in which the card shows them.

    Picture `i` of several has the seed `seed + i` (modulo 2^32); all tiles of a ladder share one.

    Args:
        seed: used when the request names none; 0 to 2^32 - 1.

    Raises:
        OptionError: steps or guidance outside the model's range, or a strength too low for any steps.
        SizeError: a size that the model cannot make.
        UnsupportedError: the model cannot do image-to-image, strength or negative prompts.
    """
    base = Recipe(
        model=spec.name,
        revision=spec.revision,
        prompt=request.prompt.strip(),
        negative_prompt=request.negative_prompt.strip(),
        width=(size := _size(request, spec))[0],
        height=size[1],
        num_inference_steps=_steps(request, spec),
        guidance_scale=_guidance(request, spec),
        seed=seed if request.seed is None else request.seed,
        scheduler=spec.scheduler,
    )
    if spec.lexicon:
        base = _in_its_words(base, request, spec.lexicon)
    _check_capabilities(request, spec)
    if isinstance(request, LadderRequest):
        return tuple(_remix(base, request, spec, strength) for strength in request.strengths)
    if isinstance(request, RemixRequest):
        base = _remix(base, request, spec, request.strength)
    return tuple(replace(base, seed=(base.seed + i) % (MAX_SEED + 1)) for i in range(request.count))


def _in_its_words(base: Recipe, request: ImagineRequest, lexicon: Lexicon) -> Recipe:
    source_prompt = request.source.given_prompt if isinstance(request, RemixRequest) else None
    prompt = lexicon.read(base.prompt, source_prompt).prompt
    negative_prompt = lexicon.read_negative(base.negative_prompt)
    return replace(
        base,
        model_prompt=None if prompt == base.prompt else prompt,
        model_negative_prompt=None if negative_prompt == base.negative_prompt else negative_prompt,
    )


def _remix(base: Recipe, request: RemixRequest, spec: ModelSpec, strength: float) -> Recipe:
    return replace(
        base,
        strength=strength,
        source_sha256=request.source.sha256,
        num_inference_steps=raise_steps(base.num_inference_steps, strength, spec.min_run_steps),
    )


def _size(request: ImagineRequest, spec: ModelSpec) -> tuple[int, int]:
    if request.size:
        return spec.check_size(*request.size)
    if request.aspect:
        return spec.size_for(request.aspect.ratio)
    if isinstance(request, RemixRequest):
        return _size_of_source(request.source.width, request.source.height, spec)
    return spec.width, spec.height


def _size_of_source(width: int, height: int, spec: ModelSpec) -> tuple[int, int]:
    """The source's own size where the model makes about such pictures, so that remixes do not drift."""
    native = spec.width * spec.height
    if native * NEAR_NATIVE <= width * height <= native / NEAR_NATIVE:
        try:
            return spec.check_size(width, height)
        except SizeError:
            pass
    return spec.size_for(width / height)


def _steps(request: ImagineRequest, spec: ModelSpec) -> int:
    steps = request.num_inference_steps
    if steps is None:
        return spec.num_inference_steps
    # Again asks for the steps of the last time, which a low strength may have raised above the range.
    needed = [raise_steps(1, strength, spec.min_run_steps) for strength in _strengths(request)]
    most = max([spec.max_steps, *needed])
    if not 1 <= steps <= most:
        raise OptionError("steps", steps, 1, most)
    return steps


def _strengths(request: ImagineRequest) -> tuple[float, ...]:
    if isinstance(request, LadderRequest):
        return request.strengths
    return (request.strength,) if isinstance(request, RemixRequest) else ()


def _guidance(request: ImagineRequest, spec: ModelSpec) -> float:
    guidance = request.guidance_scale
    if guidance is None:
        return spec.guidance_scale
    if not 0 <= guidance <= spec.max_guidance_scale:
        raise OptionError("guidance", guidance, 0, spec.max_guidance_scale)
    return guidance


def _check_capabilities(request: ImagineRequest, spec: ModelSpec) -> None:
    can = spec.capabilities
    if can is None:
        return  # not loaded yet: the engine checks again when it is
    if isinstance(request, RemixRequest):
        if not can.image_to_image:
            raise UnsupportedError(spec.name, "image_to_image")
        if not can.strength:
            raise UnsupportedError(spec.name, "strength")
    if request.negative_prompt.strip() and not can.negative_prompt:
        raise UnsupportedError(spec.name, "negative_prompt")
