"""Where training keeps its files: outside of the package, ignored by git, safe to delete."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / "data" / "training"
STARTER: Final = ROOT / "bot" / "models" / "starter"
OBJECTS: Final = Path(__file__).with_name("objects.toml")
KEYWORDS: Final = Path(__file__).with_name("keywords.toml")
