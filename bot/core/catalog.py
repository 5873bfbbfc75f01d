"""What each model is called, what it can do, and its limits and defaults.

The operator edits a TOML file with one `[[model]]` table per model; the keys are the fields of
`ModelSpec` but for `capabilities`, which the engine finds out when it loads the model, and `lexicon`,
which comes with the model's files.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, get_args, get_type_hints

from bot.core.errors import SettingsError, SizeError, UnknownModelError
from bot.core.lexicon import Lexicon

DEFAULT_MULTIPLE: Final = 8
CATALOG_VARIABLE: Final = "ATELIER_CATALOG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a loaded pipeline's signature allows (31 of diffusers' 54 have no image-to-image)."""

    image_to_image: bool = True
    strength: bool = True
    negative_prompt: bool = True
    step_callback: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model of the catalogue. Sides are in pixels, `guidance_scale` is diffusers'."""

    name: str
    """What users type and see."""
    source: str
    """A Hugging Face hub id (`owner/repo`), a local folder, or `builtin:starter`."""
    revision: str | None = None
    variant: str | None = None
    family: str = "stable-diffusion"
    description: str = ""
    width: int = 512
    height: int = 512
    multiple_of: int = DEFAULT_MULTIPLE
    min_side: int = 64
    max_side: int = 1024
    max_pixels: int = 0
    """Most pixels of one picture; 0 means one and a half times the native size."""
    num_inference_steps: int = 25
    max_steps: int = 100
    min_run_steps: int = 1
    """Fewest steps a remix may run (more for few-step models)."""
    guidance_scale: float = 7.5
    max_guidance_scale: float = 30.0
    scheduler: str | None = None
    """A diffusers scheduler class; None keeps the model's own."""
    dtype: str | None = None
    compile: bool = False
    """Whether torch compiles it on a CUDA device: quicker pictures, minutes more at every start."""
    checked: bool = False
    """Whether its pictures are known to be harmless (or pass a safety checker of the model's own)."""
    capabilities: Capabilities | None = None
    """Unknown (None) until the model has been loaded once."""
    lexicon: Lexicon | None = field(default=None, repr=False)
    """The few words that it knows; None for a model that takes a prompt as it is."""

    @property
    def pixel_limit(self) -> int:
        """Most pixels of one picture."""
        return self.max_pixels or self.width * self.height * 3 // 2

    def check_size(self, width: int, height: int) -> tuple[int, int]:
        """`(width, height)` if this model can make it.

        Raises:
            SizeError: a side is no multiple of `multiple_of`, too short or too long, or there are
                too many pixels.
        """
        good = all(
            side % self.multiple_of == 0 and self.min_side <= side <= self.max_side
            for side in (width, height)
        )
        if not good or width * height > self.pixel_limit:
            raise SizeError(width, height, self.multiple_of, self.min_side, self.max_side, self.pixel_limit)
        return width, height

    def size_for(self, ratio: float) -> tuple[int, int]:
        """The size nearest to `ratio` (width / height) within this model's native pixel budget.

        Both sides are multiples of `multiple_of` and within the limits, so a ratio that is more
        extreme than max_side / min_side is held there.
        """
        if ratio < 1:  # on its side, so that both ways are limited alike
            height, width = self.size_for(1 / ratio)
            return width, height
        budget = self.width * self.height
        m = self.multiple_of
        low, high = -(-self.min_side // m), self.max_side // m
        # Where the shorter side may not be as short as the budget asks, the longer one grows with it.
        columns = min(max(round((budget * ratio) ** 0.5 / m), round(low * ratio)), high)
        rows = min(max(round(columns / ratio), low), high)
        # Rounding may step over the budget by a block; the longer side gives way.
        while columns * rows * m * m > self.pixel_limit:
            columns, rows = (columns - 1, rows) if columns >= rows else (columns, rows - 1)
        return columns * m, rows * m


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models on offer. The first (or the one that the operator names) is the default."""

    models: tuple[ModelSpec, ...]
    default: str

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self.models)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.models)

    def get(self, name: str | None = None) -> ModelSpec:
        """The model called `name` in any case, or the default for None.

        Raises:
            UnknownModelError: there is no such model.
        """
        spec = self.find(name or self.default)
        if spec is None:
            raise UnknownModelError(name or self.default, self.names)
        return spec

    def find(self, name: str) -> ModelSpec | None:
        """The model called `name` in any case, None when it is not (or no longer) there."""
        return next((spec for spec in self.models if spec.name.casefold() == name.casefold()), None)

    def with_capabilities(self, name: str, capabilities: Capabilities) -> "Catalog":
        """A catalogue in which the model `name` has `capabilities`."""
        changed = replace(self.get(name), capabilities=capabilities)
        return replace(self, models=tuple(changed if s.name == changed.name else s for s in self.models))


def read_catalog(text: str, default: str | None = None) -> Catalog:
    """Read a catalogue from TOML.

    Raises:
        SettingsError: not TOML, no model, an unknown key, a value of the wrong type or out of range,
            a name twice, or a default that is not there. The sentence names the table and the key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(CATALOG_VARIABLE, f"is not valid TOML: {error}") from error
    tables = document.get("model")
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise SettingsError(CATALOG_VARIABLE, "needs at least one [[model]] table")
    models = tuple(_read_model(table, number) for number, table in enumerate(tables, 1))
    folded = [spec.name.casefold() for spec in models]
    for name in folded:
        if folded.count(name) > 1:
            raise SettingsError(CATALOG_VARIABLE, f"names the model {name!r} twice")
    catalog = Catalog(models, default or models[0].name)
    try:
        catalog.get()
    except UnknownModelError as error:
        problem = f"is {default!r}, but the catalogue has only {', '.join(catalog.names)}"
        raise SettingsError("ATELIER_DEFAULT_MODEL", problem) from error
    return catalog


_EDITABLE: Final = {f.name for f in fields(ModelSpec)} - {"capabilities", "lexicon"}
_REQUIRED: Final = ("name", "source")


def _read_model(table: dict[str, Any], number: int) -> ModelSpec:
    where = f"[[model]] number {number}"
    for key in _REQUIRED:
        if not table.get(key):
            raise SettingsError(CATALOG_VARIABLE, f"{where} has no {key!r}")
    hints = get_type_hints(ModelSpec)
    for key, value in table.items():
        if key not in _EDITABLE:
            known = ", ".join(sorted(_EDITABLE))
            raise SettingsError(CATALOG_VARIABLE, f"{where} has the unknown key {key!r}; known are {known}")
        allowed = get_args(hints[key]) or (hints[key],)
        if float in allowed and type(value) is int:
            continue
        if type(value) not in allowed:
            wanted = " or ".join(kind.__name__ for kind in allowed if kind is not type(None))
            raise SettingsError(CATALOG_VARIABLE, f"{where}: {key!r} must be of type {wanted}, not {value!r}")
    return _check_numbers(ModelSpec(**table), where)


def _check_numbers(spec: ModelSpec, where: str) -> ModelSpec:
    positive = ("width", "height", "multiple_of", "min_side", "max_side", "num_inference_steps", "max_steps",
                "min_run_steps")  # fmt: skip
    for key in positive:
        if getattr(spec, key) < 1:
            raise SettingsError(CATALOG_VARIABLE, f"{where}: {key!r} must be at least 1")
    if spec.num_inference_steps > spec.max_steps:
        raise SettingsError(CATALOG_VARIABLE, f"{where}: 'num_inference_steps' is above 'max_steps'")
    try:
        spec.check_size(spec.width, spec.height)
    except SizeError as error:
        raise SettingsError(
            CATALOG_VARIABLE, f"{where}: its own native size is outside its limits"
        ) from error
    return spec
