"""The engine is general: other families, with stock diffusers as the oracle again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoPipelineForImage2Image, AutoPipelineForText2Image

from bot.core.catalog import Capabilities
from bot.core.errors import GenerationError, UnsupportedError
from tests.engine import families
from tests.engine.conftest import AnyEngine, MakeEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, an_image, ignore, pixels

pytestmark = [
    # Diffusers' schedulers hand torch tensors to NumPy 2 in the old way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    # SDXL's pipeline calls its own deprecated method.
    pytest.mark.filterwarnings("ignore:`upcast_vae` is deprecated:FutureWarning"),
]

SAVE: dict[str, Callable[[Path, Path], Path]] = {
    "flux": families.save_flux,
    "pixart": families.save_pixart,
    "sdxl": families.save_stable_diffusion_xl,
}


@pytest.fixture(scope="module")
def folders(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save(tmp_path_factory.mktemp(name), tiny) for name, save in SAVE.items()}


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine, folders: dict[str, Path]) -> AnyEngine:
    specs = [a_spec(name, folder, multiple_of=16) for name, folder in folders.items()]
    half = a_spec("sdxl-half", folders["sdxl"], dtype="float16")
    return make_engine(a_catalog(*specs, half), max_resident=4)


def stock(auto: Any, folder: Path, **arguments: Any) -> Any:
    pipeline = auto.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(7)
    made = pipeline("a red cat", guidance_scale=5.0, generator=generator, **arguments)
    return np.array(made.images[0]).astype(int)


EVERYTHING = Capabilities()
CAN = {
    "flux": Capabilities(negative_prompt=False),
    "pixart": Capabilities(image_to_image=False, strength=False),
    "sdxl": EVERYTHING,
}


@pytest.mark.parametrize("family", SAVE)
async def test_loading_says_what_the_family_can_do(engine: AnyEngine, family: str) -> None:
    assert await engine.load(family) == CAN[family]


@pytest.mark.parametrize("family", SAVE)
async def test_a_picture_is_stock_diffusers_pixel_by_pixel(
    tolerance: int, engine: AnyEngine, folders: dict[str, Path], family: str
) -> None:
    made = await engine.generate(a_recipe(model=family, num_inference_steps=3), None, ignore)

    expected = stock(AutoPipelineForText2Image, folders[family], width=64, height=64, num_inference_steps=3)
    assert abs(pixels(made.picture) - expected).max() <= tolerance


@pytest.mark.parametrize("family", ["flux", "sdxl"])
@pytest.mark.parametrize("strength", [0.4, 1.0])
async def test_a_remix_is_stock_diffusers_pixel_by_pixel(
    tolerance: int, engine: AnyEngine, folders: dict[str, Path], family: str, strength: float
) -> None:
    recipe = a_recipe(model=family, num_inference_steps=5, strength=strength)
    made = await engine.generate(recipe, a_picture(), ignore)

    expected = stock(
        AutoPipelineForImage2Image,
        folders[family],
        image=an_image(),
        strength=strength,
        num_inference_steps=5,
        **({"width": 64, "height": 64} if family == "flux" else {}),
    )
    assert abs(pixels(made.picture) - expected).max() <= tolerance


@pytest.mark.parametrize("family", SAVE)
async def test_every_family_tells_its_steps(engine: AnyEngine, family: str) -> None:
    steps: list[tuple[int, int]] = []

    made = await engine.generate(
        a_recipe(model=family, num_inference_steps=3), None, lambda step, of: steps.append((step, of))
    )

    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert made.steps_run == 3


async def test_a_remix_by_a_family_that_cannot_is_refused(engine: AnyEngine) -> None:
    with pytest.raises(UnsupportedError) as caught:
        await engine.generate(a_recipe(model="pixart", strength=0.5), a_picture(), ignore)

    assert caught.value.feature == "image_to_image"


async def test_a_negative_prompt_that_would_do_nothing_is_refused(engine: AnyEngine) -> None:
    with pytest.raises(UnsupportedError) as caught:
        await engine.generate(a_recipe(model="flux", negative_prompt="blur"), None, ignore)

    assert caught.value.feature == "negative_prompt"


async def test_a_vae_that_needs_float32_is_in_half_precision_again_after_a_failure(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = a_recipe(model="sdxl-half", num_inference_steps=2)
    before = await engine.generate(recipe, None, ignore)

    def fail(vae: Any, *_: Any, **__: Any) -> None:
        assert vae.dtype == torch.float32
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(AutoencoderKL, "encode", fail)
        with pytest.raises(GenerationError, match="broken"):
            await engine.generate(replace(recipe, strength=1.0), a_picture(), ignore)

    after = await engine.generate(recipe, None, ignore)
    assert after.versions["dtype"] == "float16"
    assert after.picture == before.picture
