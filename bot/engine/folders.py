"""Where on this machine a model's files are. Imports no torch: the catalogue's reader asks as well."""

from pathlib import Path
from typing import Final

STARTER: Final = "builtin:starter"
STARTER_FOLDER: Final = Path(__file__).parent.parent / "models" / "starter"


def local_folder(source: str) -> Path | None:
    """The folder that a catalogue's `source` names; None for anything else, such as a hub id."""
    if source == STARTER:
        return STARTER_FOLDER
    try:
        path = Path(source).expanduser()
    except RuntimeError:  # the home of a user who is not known here
        return None
    return path if path.is_dir() else None
