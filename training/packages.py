"""Fetches the three npm packages that the starter learns from, in pinned versions."""

import subprocess
import tarfile
from pathlib import Path
from typing import Final

SOLID: Final = "@lobehub/fluent-emoji-3d@1.1.0"
"""Microsoft's Fluent Emoji in 3D, 256 px WebP with alpha (MIT)."""
FLAT: Final = "@iconify-json/fluent-emoji-flat@1.2.6"
"""Microsoft's Fluent Emoji, flat, as SVG (MIT)."""
NAMES: Final = "emojibase-data@17.0.0"
"""Labels, keywords and shortcodes of all emoji (MIT)."""


def fetch(package: str, work: Path) -> Path:
    """The folder of an unpacked npm package, downloaded if it is not there yet.

    Raises:
        subprocess.CalledProcessError: npm could not fetch it; npm has said why.
    """
    folder = work / "packages" / package.replace("/", "-")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder.parent), package]
        packed = subprocess.run(command, check=True, capture_output=True, text=True)
        archive = folder.parent / packed.stdout.split()[-1]
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder / "package"
