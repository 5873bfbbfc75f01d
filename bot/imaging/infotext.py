"""The text that AUTOMATIC1111's webui puts into its pictures, and that most galleries read.

Prompt, an optional `Negative prompt:` line, and one line of parameters:

    a lighthouse at dusk
    Negative prompt: people
    Steps: 25, Sampler: Euler a, CFG scale: 7.5, Seed: 1, Size: 512x512, Model: name

The prompts are the user's; `Model prompt` is what a model of few words was given instead.

Source: `create_infotext` in modules/processing.py, `quote` and `parse_generation_parameters` in
modules/infotext_utils.py of AUTOMATIC1111/stable-diffusion-webui. The format escapes nothing in the
prompts, so a prompt with a line of its own that begins "Negative prompt:" reads back wrongly.
"""

import json
from typing import Final

from bot.core.recipe import Recipe

_NEGATIVE: Final = "Negative prompt:"
_PARAMETERS: Final = "Steps: "
_MAX_TEXT: Final = 100_000

# diffusers' scheduler classes by webui's names, where both mean the same method.
# Source: https://huggingface.co/docs/diffusers/api/schedulers/overview
_SAMPLERS: Final = {
    "DDIMScheduler": "DDIM",
    "DPMSolverMultistepScheduler": "DPM++ 2M",
    "DPMSolverSDEScheduler": "DPM++ SDE",
    "EulerAncestralDiscreteScheduler": "Euler a",
    "EulerDiscreteScheduler": "Euler",
    "FlowMatchEulerDiscreteScheduler": "Euler",
    "HeunDiscreteScheduler": "Heun",
    "KDPM2AncestralDiscreteScheduler": "DPM2 a",
    "KDPM2DiscreteScheduler": "DPM2",
    "LCMScheduler": "LCM",
    "LMSDiscreteScheduler": "LMS",
    "PNDMScheduler": "PLMS",
    "UniPCMultistepScheduler": "UniPC",
}


def write_infotext(recipe: Recipe, version: str) -> str:
    """A recipe as webui would write it; a scheduler that webui does not have keeps its class name."""
    scheduler = recipe.scheduler or "Unknown"  # readers give up on a text without a sampler
    parameters: dict[str, object] = {
        "Steps": recipe.num_inference_steps,
        "Sampler": _SAMPLERS.get(scheduler, scheduler),
        "CFG scale": f"{recipe.guidance_scale:g}",
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model": recipe.model,
    }
    if recipe.strength is not None:
        parameters["Denoising strength"] = f"{recipe.strength:g}"
    if recipe.model_prompt is not None:
        parameters["Model prompt"] = recipe.model_prompt
    parameters["Version"] = f"Atelier {version}"
    lines = [
        recipe.prompt,
        recipe.negative_prompt and f"{_NEGATIVE} {recipe.negative_prompt}",
        ", ".join(f"{key}: {_quote(str(value))}" for key, value in parameters.items()),
    ]
    return "\n".join(filter(None, lines))


def _quote(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",\n:") else value


def prompt_in(infotext: str) -> str | None:
    """The prompt in such a text ("" when it has none); None without a line of parameters."""
    lines = infotext[:_MAX_TEXT].split("\n")
    # From the end: extensions write lines of their own below, and a prompt may say anything.
    ends = (at for at in reversed(range(len(lines))) if lines[at].startswith(_PARAMETERS))
    end = next(ends, None)
    if end is None:
        return None
    negatives = (at for at in range(end) if lines[at].startswith(_NEGATIVE))
    return "\n".join(lines[: next(negatives, end)])
