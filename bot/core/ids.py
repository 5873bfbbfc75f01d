"""Short public ids: 8 characters of Crockford base32 (https://www.crockford.com/base32.html)."""

import secrets
from typing import Final, NewType

from bot.core.errors import UnknownIdError

JobId = NewType("JobId", str)
GenerationId = NewType("GenerationId", str)

ID_LENGTH: Final = 8
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Crockford's decoding rules: letters that a reader mistakes for digits mean those digits.
_LOOKALIKES: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


def _new_id() -> str:
    number = secrets.randbits(5 * ID_LENGTH)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(0, 5 * ID_LENGTH, 5))


def new_job_id() -> JobId:
    """A fresh random job id (40 bits)."""
    return JobId(_new_id())


def new_generation_id() -> GenerationId:
    """A fresh random generation id (40 bits)."""
    return GenerationId(_new_id())


def looks_like_id(text: str) -> bool:
    """Whether `text` reads as an id once Crockford's lookalikes are put right."""
    bare = text.upper().translate(_LOOKALIKES)  # some letters are longer in upper case
    return len(bare) == ID_LENGTH and all(c in ALPHABET for c in bare)


def parse_generation_id(text: str) -> GenerationId:
    """Read an id as a person typed it: any case, spaces and hyphens ignored.

    Raises:
        UnknownIdError: `text` is not an id at all.
    """
    bare = text.strip().strip("`#").replace("-", "").replace(" ", "")
    if not looks_like_id(bare):
        raise UnknownIdError(text)
    return GenerationId(bare.upper().translate(_LOOKALIKES))
