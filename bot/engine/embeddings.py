"""Prompts read and pictures encoded, remembered: a ladder reads its prompt and its source once."""

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from cachetools import LRUCache

from bot.core.jobs import Picture
from bot.engine.families.family import Condition, Family

V = TypeVar("V")

PROMPTS: Final = 256
"""SDXL's take 0.3 MB each, in half precision."""
IMAGES: Final = 32
"""At 1024 pixels 0.5 MB each, as a distribution in float32."""


class Embeddings:
    """For the device's thread. Bounded: the least recently used goes."""

    def __init__(self) -> None:
        self._prompts: LRUCache[Hashable, Condition] = LRUCache(PROMPTS)
        self._images: LRUCache[Hashable, Any] = LRUCache(IMAGES)

    def prompt(self, model: str, family: Family, text: str) -> Condition:
        """`Family.encode_prompt`, remembered by model and text."""
        return _remembered(self._prompts, (model, "prompt", text), lambda: family.encode_prompt(text))

    def negative(self, model: str, family: Family, text: str) -> Condition:
        """`Family.encode_negative`, remembered by model and text."""
        return _remembered(self._prompts, (model, "negative", text), lambda: family.encode_negative(text))

    def image(self, model: str, family: Family, sha256: str | None, picture: Picture) -> Any:
        """`Family.encode_image`, remembered by model, hash and size; not without a hash."""
        if sha256 is None:
            return family.encode_image(picture)
        key = (model, sha256, picture.width, picture.height)
        return _remembered(self._images, key, lambda: family.encode_image(picture))

    def forget(self) -> None:
        """Drop everything."""
        self._prompts.clear()
        self._images.clear()


def _remembered(cache: LRUCache[Hashable, V], key: Hashable, make: Callable[[], V]) -> V:
    if key not in cache:
        cache[key] = make()
    return cache[key]
