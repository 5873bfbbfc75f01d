"""The part of a prompt that a model never sees."""

from typing import Any

from bot.engine.capabilities import accepted


def prompt_cut(pipeline: Any, prompt: str) -> str:
    """The end of `prompt` that the pipeline's tokenizers drop, as they spell it; "" when it fits.

    Of several tokenizers, the one that takes most counts: what one cuts, another still reads.
    """
    parameter = accepted(type(pipeline)).get("max_sequence_length")
    longest = parameter.default if parameter is not None else None
    cuts = [
        _cut(tokenizer, min(tokenizer.model_max_length, longest or tokenizer.model_max_length), prompt)
        for name, tokenizer in pipeline.components.items()
        if "tokenizer" in name and hasattr(tokenizer, "model_max_length")
    ]
    return min(cuts, key=len, default="")


def _cut(tokenizer: Any, limit: int, prompt: str) -> str:
    room = limit - tokenizer.num_special_tokens_to_add()
    dropped = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids[room:]
    return str(tokenizer.decode(dropped)).strip()
