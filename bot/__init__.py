"""Atelier: a Discord bot for playing with pictures together."""

from typing import Final

__version__: Final = "0.1.0"
