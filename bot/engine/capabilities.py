"""What a pipeline can do, read from its signature; and the call that asks it for one picture.

Nothing here needs weights: a pipeline's class is enough.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from diffusers.pipelines.auto_pipeline import (
    AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
)
from PIL.Image import Image

from bot.core.catalog import Capabilities
from bot.core.errors import UnsupportedError
from bot.core.recipe import Recipe

Parameters = Mapping[str, inspect.Parameter]


def find_capabilities(text_to_image: type) -> Capabilities:
    """What a text-to-image pipeline class and its image-to-image counterpart, if any, can both do.

    Flux and its like take a `negative_prompt` but ignore it: their guidance is distilled, and
    `true_cfg_scale` is 1 unless one asks for more. That counts as not being able to.
    """
    image_to_image = image_to_image_class(text_to_image)
    both = [accepted(cls) for cls in (text_to_image, image_to_image) if cls]
    return Capabilities(
        image_to_image=image_to_image is not None,
        strength=image_to_image is not None and "strength" in both[-1],
        negative_prompt=all("negative_prompt" in p and _default(p, "true_cfg_scale", 2.0) > 1 for p in both),
        step_callback=all(step_callback(p) is not None for p in both),
    )


def image_to_image_class(text_to_image: type) -> type | None:
    """The pipeline class that `AutoPipelineForImage2Image.from_pipe` would choose, or None."""
    for key, cls in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.items():
        if cls is text_to_image:
            found: type | None = AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.get(key)
            return found
    return None


def accepted(pipeline: type) -> Parameters:
    """The named parameters of a pipeline class's `__call__`."""
    return inspect.signature(pipeline.__call__).parameters


def step_callback(parameters: Parameters) -> str | None:
    """The parameter that takes a function to call after each step, or None.

    Older pipelines (PixArt, DeepFloyd IF, Kandinsky) know only `callback(step, timestep, latents)`.
    """
    return next((name for name in ("callback_on_step_end", "callback") if name in parameters), None)


def check(recipe: Recipe, can: Capabilities) -> None:
    """Raises UnsupportedError for the first thing that `recipe` asks for and the model cannot do."""
    if recipe.is_remix:
        if not can.image_to_image:
            raise UnsupportedError(recipe.model, "image_to_image")
        if not can.strength:
            raise UnsupportedError(recipe.model, "strength")
    if recipe.negative_prompt and not can.negative_prompt:
        raise UnsupportedError(recipe.model, "negative_prompt")


def call_arguments(parameters: Parameters, recipe: Recipe, source: Image | None) -> dict[str, Any]:
    """The recipe as keyword arguments, as far as the pipeline takes them.

    A parameter that it does not take (the size, in most image-to-image pipelines) is left out;
    `check` has refused beforehand what must not be left out silently.
    """
    guidance = _guidance_parameter(parameters)
    wanted: dict[str, Any] = {
        "prompt": recipe.given_prompt,
        "width": recipe.width,
        "height": recipe.height,
        "num_inference_steps": recipe.num_inference_steps,
        guidance: recipe.guidance_scale,
        "output_type": "np",
    }
    if recipe.given_negative_prompt:
        # Not when empty: SDXL takes "" for a prompt of its own, and None for no prompt at all.
        wanted["negative_prompt"] = recipe.given_negative_prompt
    elif guidance == "true_cfg_scale":
        # Qwen-Image guides only with a negative prompt; its own examples give a blank.
        wanted["negative_prompt"] = " "
    if source is not None:
        wanted |= {"image": source, "strength": recipe.strength}
    return {name: value for name, value in wanted.items() if name in parameters}


def _guidance_parameter(parameters: Parameters) -> str:
    """What the pipeline calls classifier-free guidance."""
    if "true_cfg_scale" in parameters and _default(parameters, "guidance_scale", None) is None:
        return "true_cfg_scale"  # its `guidance_scale` is for distilled variants only
    # Würstchen and Cascade guide in their prior; their decoder needs no guidance.
    return "guidance_scale" if "guidance_scale" in parameters else "prior_guidance_scale"


def _default(parameters: Parameters, name: str, otherwise: Any) -> Any:
    return parameters[name].default if name in parameters else otherwise
