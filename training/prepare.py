"""Downloads the art and the words, renders both, and writes them as two files. Deterministic.

    python -m training.prepare

`data/training/styled.pt` holds, per style, premultiplied RGBA, uint8 `(objects, 4, 320, 320)`;
`data/training/objects.json` a list of `{name, group, label, keywords}` in the same order.
"""

import io
import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
import torch
import torch.nn.functional as F
from PIL import Image

from training.packages import FLAT, NAMES, SOLID, fetch
from training.places import KEYWORDS, OBJECTS, WORK
from training.styles import CANVAS, SIDE, STYLES

SHORTEST = 3
"""Letters of a keyword."""


def codes(hexcode: str) -> tuple[str, ...]:
    """The spellings of an emoji's code point: packages disagree on the variation selector."""
    plain = hexcode.lower()
    return plain, f"{plain}-fe0f", plain.replace("-fe0f", "")


def chosen() -> list[tuple[str, str, str]]:
    """`(name, group, emojibase label)` of every object, in the order of objects.toml."""
    groups: dict[str, dict[str, str]] = tomllib.loads(OBJECTS.read_text("utf-8"))
    return [(name, group, label) for group, names in groups.items() for name, label in names.items()]


def add_keywords(rows: list[dict[str, Any]]) -> None:
    """Each object's other words: ours first, then those of its tags that it alone has."""
    table = tomllib.loads(KEYWORDS.read_text("utf-8"))
    ours, unfit = table["also"], set(table["not"].split())
    names = {row["name"] for row in rows}
    taken = Counter(word for row in rows for word in row["tags"])
    taken.update(word for words in ours.values() for word in set(words))
    unfit |= names | {word for name in names for word in name.split()}
    for row in rows:
        own = [tag for tag in row["tags"] if taken[tag] == 1 and tag not in unfit]
        fit = [tag for tag in own if tag.isascii() and len(tag) >= SHORTEST]
        row["keywords"] = list(dict.fromkeys([*ours.get(row["name"], []), *fit]))


def render_solid(package: Path, hexcode: str) -> Image.Image:
    """The 3D rendering."""
    path = next(p for code in codes(hexcode) if (p := package / "assets" / f"{code}.webp").exists())
    return Image.open(path).convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def render_flat(icons: dict[str, Any], chars: dict[str, str], hexcode: str) -> Image.Image:
    """The flat drawing, from its SVG."""
    name = next(chars[code] for code in codes(hexcode) if code in chars)
    icon = icons["icons"].get(name) or icons["icons"][icons["aliases"][name]["parent"]]
    side = icons.get("width", 32)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{SIDE}" height="{SIDE}">'
    )
    png = resvg_py.svg_to_bytes(svg_string=f"{svg}{icon['body']}</svg>")
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def on_canvas(pictures: list[Image.Image]) -> torch.Tensor:
    """Straight RGBA pictures as premultiplied float32, with room around them."""
    stacked = torch.from_numpy(np.stack([np.asarray(p) for p in pictures])).permute(0, 3, 1, 2).float() / 255
    stacked[:, :3] *= stacked[:, 3:]
    return F.pad(stacked, ((CANVAS - SIDE) // 2,) * 4)


def in_all_styles(solid: torch.Tensor, flat: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every object in every style."""
    styled = {}
    for style, render in STYLES.items():
        batches = zip(solid.split(16), flat.split(16), strict=True)
        styled[style] = torch.cat([(render(s, f).clamp(0, 1) * 255).round().byte() for s, f in batches])
    return styled


def main() -> None:
    solid_package, flat_package, names_package = (fetch(p, WORK) for p in (SOLID, FLAT, NAMES))
    names = {row["label"]: row for row in _read(names_package / "en" / "data.json")}
    icons, chars = _read(flat_package / "icons.json"), _read(flat_package / "chars.json")
    rows, solid, flat = [], [], []
    for name, group, label in chosen():
        emoji = names[label]
        rows.append({"name": name, "group": group, "label": label, "tags": emoji.get("tags", [])})
        solid.append(render_solid(solid_package, emoji["hexcode"]))
        flat.append(render_flat(icons, chars, emoji["hexcode"]))
    add_keywords(rows)
    for row in rows:
        del row["tags"]
    torch.save(in_all_styles(on_canvas(solid), on_canvas(flat)), WORK / "styled.pt")
    (WORK / "objects.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print(f"{len(rows)} objects in {WORK}")


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


if __name__ == "__main__":
    main()
