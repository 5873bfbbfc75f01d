"""Writes the starter as a stock pipeline folder: float16 safetensors in shards under 15 MB.

python -m training.export
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from training.captions import COLOUR_WORDS, FORMS, STYLE_WORDS
from training.checkpoints import averaged
from training.denoiser import CHECKPOINT, build, scheduler
from training.places import STARTER
from training.sheets import assemble
from training.styles import COLOURS, DEFAULT_STYLE, STYLES
from training.variants import Art, load
from training.words import TOKENIZER

SHARD = "14MB"
LIMIT = 40_000_000
"""Bytes of all files together."""


def lexicon(art: Art) -> dict[str, object]:
    """What the bot must know to rewrite a prompt: names, keywords, and how captions were written."""
    objects = [
        {"name": name, "group": group, "keywords": list(words)}
        for name, group, words in zip(art.names, art.groups, art.keywords, strict=True)
    ]
    styles = [
        {"name": style, "form": FORMS[style][0], "keywords": list(STYLE_WORDS[style])} for style in STYLES
    ]
    colours = [{"name": colour, "keywords": list(COLOUR_WORDS[colour])} for colour in COLOURS]
    return {
        "objects": objects,
        "styles": styles,
        "default_style": DEFAULT_STYLE,
        "colours": colours,
        "background": "{} on a {} background",
    }


def _edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8"))), indent=2) + "\n", "utf-8")


def main() -> None:
    pipeline = assemble(averaged(CHECKPOINT, build), scheduler()).to("cpu", torch.float16)
    for part in ("model_index.json", "scheduler", "text_encoder", "tokenizer", "unet", "vae"):
        path = STARTER / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    pipeline.save_pretrained(STARTER, max_shard_size=SHARD)
    # Only these three are read by older versions of transformers too.
    shutil.rmtree(STARTER / "tokenizer")
    shutil.copytree(TOKENIZER, STARTER / "tokenizer")
    # transformers loads in the type of the config, diffusers in float32: stock loading must agree.
    _edit(STARTER / "text_encoder" / "config.json", lambda config: config | {"dtype": "float32"})
    # AutoencoderTiny writes a key that it warns of when it reads it.
    unread = "block_out_channels"
    _edit(STARTER / "vae" / "config.json", lambda config: {k: v for k, v in config.items() if k != unread})
    text = json.dumps(lexicon(load()), ensure_ascii=False, separators=(",", ":"))
    (STARTER / "lexicon.json").write_text(text.replace('{"name"', '\n{"name"') + "\n", "utf-8")
    size = sum(path.stat().st_size for path in STARTER.rglob("*") if path.is_file())
    print(f"{size:,} bytes in {STARTER}")
    if size > LIMIT:
        raise SystemExit(f"the starter must not be larger than {LIMIT:,} bytes")


if __name__ == "__main__":
    main()
