"""The parameters that a picture carries, written twice and read back.

| what                              | PNG text chunk | WebP, JPEG (EXIF)      |
|-----------------------------------|----------------|------------------------|
| webui's text (`infotext.py`)      | `parameters`   | `UserComment`, UTF-16  |
| one JSON object, lossless         | `atelier`      | `ImageDescription`     |

The JSON is the recipe's fields, `steps_run`, `versions`, and our own version as `atelier`.
"""

import json
import unicodedata
from contextlib import suppress
from typing import Any, Final, NamedTuple, get_args, get_type_hints

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from bot import __version__
from bot.core.errors import BadImageError
from bot.core.jobs import Render
from bot.core.recipe import Recipe
from bot.core.requests import MAX_PROMPT
from bot.imaging.infotext import prompt_in, write_infotext
from bot.imaging.opening import OWN_LIMITS, open_file, translated

_INFOTEXT: Final = "parameters"
_JSON: Final = "atelier"
_UTF16: Final = b"UNICODE\0"
_ASCII: Final = b"ASCII\0\0\0"
_FIELDS: Final = get_type_hints(Recipe)


class Texts(NamedTuple):
    """A picture's two texts; "" for one that it does not have."""

    infotext: str
    json: str


def texts_of(render: Render) -> Texts:
    """What to write into a finished picture. Equal renders give equal texts: no dates, no durations."""
    facts = json.loads(render.recipe.to_json()) | {
        "steps_run": render.steps_run,
        "versions": render.versions,
        "atelier": __version__,
    }
    # ASCII with escapes goes through every container unchanged.
    return Texts(write_infotext(render.recipe, __version__), json.dumps(facts, sort_keys=True))


def png_texts(texts: Texts) -> PngInfo:
    """As PNG chunks: tEXt, or iTXt for what Latin-1 cannot say."""
    info = PngInfo()
    # A lone surrogate (from a command line in another encoding) has no UTF-8 form.
    info.add_text(_INFOTEXT, texts.infotext.encode("utf-8", "replace").decode())
    info.add_text(_JSON, texts.json)
    return info


def exif_texts(texts: Texts) -> Image.Exif:
    """As EXIF, the way webui does it (big-endian UTF-16 whatever the byte order of the rest)."""
    exif = Image.Exif()
    if texts.json:
        exif[Base.ImageDescription] = texts.json
    if texts.infotext:
        exif.get_ifd(IFD.Exif)[Base.UserComment] = _UTF16 + texts.infotext.encode("utf-16-be", "replace")
    return exif


def read_texts(image: Image.Image) -> Texts:
    """The two texts of an opened (or loaded) image; damaged EXIF counts as none."""
    infotext, facts = (image.info.get(key, "") for key in (_INFOTEXT, _JSON))
    if isinstance(infotext, str) and isinstance(facts, str) and infotext + facts:
        return Texts(str(infotext), str(facts))
    with suppress(BadImageError), translated("EXIF"):
        exif = image.getexif()
        comment = exif.get_ifd(IFD.Exif).get(Base.UserComment, b"")
        return Texts(_comment_text(comment), str(exif.get(Base.ImageDescription, "")))
    return Texts("", "")


def read_prompt(image: Image.Image) -> str | None:
    """The prompt that a picture was made with, from our own JSON or from webui's text.

    It is made fit to show: control characters become spaces, and it has at most `MAX_PROMPT` characters.
    """
    texts = read_texts(image)
    prompt = _facts(texts.json).get("prompt")
    if not isinstance(prompt, str):
        prompt = prompt_in(texts.infotext) or ""
    return _presentable(prompt) or None


def read_model_prompt(image: Image.Image) -> str | None:
    """What the model was given instead of the prompt, from our own JSON; None for the same."""
    prompt = _facts(read_texts(image).json).get("model_prompt")
    return _presentable(prompt) or None if isinstance(prompt, str) else None


def read_recipe(data: bytes) -> Recipe | None:
    """The recipe in a PNG or WebP that we made; None for any other file, or if a field is amiss."""
    try:
        facts = _facts(read_texts(open_file(data, OWN_LIMITS)).json)
    except BadImageError:
        return None
    recipe = {key: value for key, value in facts.items() if key in _FIELDS}
    if not all(_fits(value, _FIELDS[key]) for key, value in recipe.items()):
        return None
    try:
        return Recipe(**recipe)
    except TypeError:  # a field is missing
        return None


def _facts(text: str) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        facts = json.loads(text)
        if isinstance(facts, dict):
            return facts
    return {}


def _fits(value: object, hint: Any) -> bool:
    allowed = get_args(hint) or (hint,)
    return type(value) in allowed or (type(value) is int and float in allowed)


def _comment_text(comment: object) -> str:
    """EXIF 2.3, 4.6.5: eight bytes name the encoding."""
    if not isinstance(comment, bytes):
        return ""
    text = comment[8:]
    if comment.startswith(_ASCII):
        return text.decode("utf-8", "replace")
    if not comment.startswith(_UTF16):
        return ""
    # webui writes big-endian always, other programs in the byte order of the EXIF block.
    big, little = (text.decode(order, "replace") for order in ("utf-16-be", "utf-16-le"))
    return little if prompt_in(big) is None else big


def _presentable(prompt: str) -> str:
    shown = (" " if unicodedata.category(c) in ("Cc", "Cs") and c != "\n" else c for c in prompt)
    return "".join(shown).strip()[:MAX_PROMPT]
