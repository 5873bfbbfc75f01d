"""One picture from one recipe, on the device's thread."""

from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from bot.core.errors import UnsafeImageError
from bot.core.jobs import Picture
from bot.core.recipe import Recipe
from bot.core.strength import steps_run
from bot.engine.capabilities import accepted, call_arguments
from bot.engine.loading import LoadedModel
from bot.engine.schedulers import fresh_scheduler
from bot.engine.steps import StepWatch


def render(model: LoadedModel, recipe: Recipe, source: Image | None, watch: StepWatch) -> tuple[Picture, str]:
    """The picture, and the name of the scheduler that made it.

    All of its noise comes from a CPU generator with the recipe's seed, so that every device starts
    from the same.

    Raises:
        Stopped: `watch` was told to.
        UnsafeImageError: the model's own safety checker held the picture back.
        Exception: whatever torch and diffusers raise.
    """
    pipeline = model.text_to_image if source is None else model.image_to_image
    parameters = accepted(type(pipeline))
    steps = recipe.num_inference_steps
    planned = steps if recipe.strength is None else steps_run(steps, recipe.strength)
    name = recipe.scheduler or model.spec.scheduler
    # Not inference_mode: pipelines move and cast weights between steps, and those would then be
    # inference tensors for good.
    with model.left_as_found(), fresh_scheduler(pipeline, name) as scheduler, torch.no_grad():
        callback = watch.start(parameters, scheduler.order, planned, steps)
        generator = torch.Generator("cpu").manual_seed(recipe.seed)
        arguments = call_arguments(parameters, recipe, source)
        output = pipeline(**arguments, **callback, generator=generator)
    return _safe_picture(pipeline, output, recipe.model), type(scheduler).__name__


def _safe_picture(pipeline: Any, output: Any, model: str) -> Picture:
    # DeepFloyd IF has a word of its own. None means: not checked.
    flags = getattr(output, "nsfw_content_detected", None) or getattr(output, "nsfw_detected", None)
    picture = _to_picture(output.images)
    has_checker = pipeline.components.get("safety_checker") is not None
    if any(flags or ()) or (has_checker and not any(picture.rgb)):
        raise UnsafeImageError(model)
    return picture


def _to_picture(images: Any) -> Picture:
    """The first of `images`, floats of shape (count, height, width, 3) in 0 to 1."""
    array = np.asarray(images[0])
    if array.ndim != 3 or array.shape[-1] != 3:  # noqa: PLR2004 - height, width, RGB
        raise ValueError(f"the pipeline made an array of shape {array.shape}, which is no RGB picture")
    if not np.isfinite(array).all():
        raise ValueError("the picture is not a number: the model overflows in this dtype")
    height, width, _ = array.shape
    # As diffusers' VaeImageProcessor.numpy_to_pil does it.
    return Picture(width, height, (array * 255).round().astype(np.uint8).tobytes())
