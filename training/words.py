"""The text encoder: pretrained to say what a caption asks for, then frozen.

    python -m training.words --steps 450

Trained together with the denoiser from scratch it collapses: all prompts come out alike. Here it learns
to classify object, style and background from its states, which takes a minute or two.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from training.captions import FILLERS, FORMS, caption, label_prompt
from training.checkpoints import DEVICE, LOG_EVERY, Run, averaged
from training.places import WORK
from training.styles import COLOURS, STYLES
from training.variants import NAMED, Art, Variant, load

CHECKPOINT = WORK / "words.pt"
TOKENIZER = WORK / "tokenizer"
LENGTH = 24
"""Tokens of a prompt; the rest is cut."""
WIDTH = 192
VOCABULARY = 1800
BATCH = 256
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def corpus(art: Art) -> list[str]:
    """Everything that a caption may say, and the alphabet."""
    words = [label_prompt(name, style) for name in art.names for style in STYLES]
    words += [word for keywords in art.keywords for word in keywords]
    words += [*FILLERS, *COLOURS, *(form.replace("{}", "") for forms in FORMS.values() for form in forms)]
    words += ["on a white background", *"abcdefghijklmnopqrstuvwxyz0123456789"]
    return words


def make_tokenizer(art: Art, folder: Path = TOKENIZER) -> CLIPTokenizer:
    """A byte-pair tokenizer over our own captions, in CLIP's files (`vocab.json`, `merges.txt`)."""
    folder.mkdir(parents=True, exist_ok=True)
    learner = CLIPTokenizer(model_max_length=LENGTH).backend_tokenizer
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN, END],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(corpus(art), trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]]
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH}
    settings |= {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False) + "\n", "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
    return load_tokenizer(folder)


def load_tokenizer(folder: Path = TOKENIZER) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(folder)


def tokens(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """Token ids, `(texts, LENGTH)`, padded and cut as diffusers does it."""
    padded = tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    return padded.input_ids


def build(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The text encoder with fresh weights."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=6,
        max_position_embeddings=LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    encoder = CLIPTextModel(config)
    for name, weight in encoder.named_parameters():
        if "embedding" in name:
            weight.data.mul_(5)  # CLIP's own start, 0.02, is too small to learn from in a minute
    return encoder


class Reader(nn.Module):
    """The text encoder, and the three questions that it learns to answer."""

    def __init__(self, tokenizer: CLIPTokenizer, things: int) -> None:
        super().__init__()
        self.encoder = build(tokenizer)
        self.heads = nn.ModuleList(nn.Linear(WIDTH, n) for n in (things, len(STYLES), len(COLOURS) + 1))

    def forward(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """Logits of object, style and background."""
        states = self.encoder(ids).last_hidden_state.mean(1)
        return [head(states) for head in self.heads]


def any_variant(art: Art, generator: torch.Generator) -> Variant:
    """Any object in any style, seen or not."""
    thing, style, colour = (
        int(torch.randint(n, (1,), generator=generator)) for n in (len(art), len(STYLES), len(COLOURS))
    )
    named = bool(torch.rand(1, generator=generator) < NAMED)
    return Variant(thing, list(STYLES)[style], list(COLOURS)[colour] if named else None)


def answers(variant: Variant) -> tuple[int, int, int]:
    """What the three heads should say."""
    colours = [None, *COLOURS]
    return variant.thing, list(STYLES).index(variant.style), colours.index(variant.colour)


def load_encoder(tokenizer: CLIPTokenizer, things: int, path: Path = CHECKPOINT) -> CLIPTextModel:
    """The trained and frozen text encoder."""
    reader = averaged(path, lambda: Reader(tokenizer, things))
    return reader.encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=450)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    art = load()
    tokenizer = make_tokenizer(art)
    run = Run(Reader(tokenizer, len(art)), CHECKPOINT, steps, rate=1e-3, decay=0.99)
    right = torch.zeros(3)
    for generator in run.loop():
        variants = [any_variant(art, generator) for _ in range(BATCH)]
        texts = [caption(art, variant, generator) for variant in variants]
        wanted = torch.tensor([answers(variant) for variant in variants]).to(DEVICE)
        logits = run.model(tokens(tokenizer, texts).to(DEVICE))
        run.learn(sum(F.cross_entropy(said, wanted[:, i]) for i, said in enumerate(logits)))
        hits = torch.stack([(said.argmax(1) == wanted[:, i]).float().mean() for i, said in enumerate(logits)])
        right = right.lerp(hits.cpu(), 0.1)
        if run.step % LOG_EVERY == 0:
            shares = ", ".join(f"{float(share):.3f}" for share in right)
            print(f"words {run.step}/{steps} right object, style, background: {shares}", flush=True)


if __name__ == "__main__":
    main()
