"""Full-size models with random weights on a GPU: how near the card's own limit a step comes.

    python -m benchmarks.roofline --json

Needs CUDA. For Stable Diffusion 1.5 at 512 px (20 guided steps), Stable Diffusion XL at 1024 px (30 guided
steps) and SDXL-Turbo at 512 px (1 step, unguided): `images_per_s` of the step engine with many users,
`images_per_s_ratio_vs_serial` against eager diffusers one picture after another in the same run, `tflops`
and `fraction_of_peak`, the share of the card's own bfloat16 matrix rate, which is measured first
(`peak_tflops`). `recompilations` counts programs that were made after warm-up, `preview_share` the share of
the device's time that previews took.

Weights are random: speed does not depend on them. The architectures are those of the published
configurations (stable-diffusion-v1-5, stable-diffusion-xl-base-1.0).
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from bot.core.catalog import Catalog, ModelSpec
from bot.core.jobs import Picture
from bot.core.recipe import Recipe, plan
from bot.core.requests import ImagineRequest
from bot.engine.folders import STARTER_FOLDER
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.step_engine import StepEngine

USERS: Final = 32
SERIAL: Final = 4
"""Pictures of the serial side: their mean is what counts."""
SCALING: Final = {"sd15": 0.18215, "sdxl": 0.13025}
SIDE: Final = 8192
"""Of the matrices that measure the card."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    name: str
    model: str
    side: int
    steps: int
    guidance: float


CASES: Final = (
    Case("sd15", "sd15", 512, 20, 7.5),
    Case("sdxl", "sdxl", 1024, 30, 6.0),
    Case("sdxl-turbo", "sdxl", 512, 1, 0.0),
)


def build(model: str, folder: Path) -> None:
    """Save a full-size model with random weights, in bfloat16."""
    torch.manual_seed(0)
    with torch.device("cuda"):
        pipeline = _sdxl() if model == "sdxl" else _sd15()
    pipeline.to(dtype=torch.bfloat16).save_pretrained(folder)
    del pipeline
    torch.cuda.empty_cache()


def _sd15() -> Any:
    return StableDiffusionPipeline(
        vae=_vae("sd15"),
        text_encoder=CLIPTextModel(_clip(768, 3072, 12, 12)),
        tokenizer=_tokenizer(),
        unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> Any:
    unet = UNet2DConditionModel(
        sample_size=128,
        cross_attention_dim=2048,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    return StableDiffusionXLPipeline(
        vae=_vae("sdxl"),
        text_encoder=CLIPTextModel(_clip(768, 3072, 12, 12)),
        text_encoder_2=CLIPTextModelWithProjection(_clip(1280, 5120, 32, 20, projection=1280)),
        tokenizer=_tokenizer(),
        tokenizer_2=_tokenizer(),
        unet=unet,
        scheduler=_scheduler(),
        add_watermarker=False,
    )


def _vae(model: str) -> Any:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=1024,
        scaling_factor=SCALING[model],
    )


def _clip(width: int, inner: int, layers: int, heads: int, projection: int = 768) -> Any:
    tokenizer = _tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=projection,
        max_position_embeddings=77,
    )


def _tokenizer() -> Any:
    return CLIPTokenizer.from_pretrained(STARTER_FOLDER / "tokenizer", model_max_length=77)


def _scheduler() -> Any:
    with torch.device("cpu"):  # it computes in NumPy
        return EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        )


def peak_tflops() -> float:
    """What the card reaches on large bfloat16 matrices, in 10^12 operations a second."""
    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    seconds = _seconds(lambda: [left @ right for _ in range(10)])
    return 10 * 2 * SIDE**3 / seconds / 1e12


def _seconds(work: Callable[[], object]) -> float:
    work()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - begun


def serial(folder: Path, case: Case) -> tuple[float, float]:
    """(pictures a second, 10^12 operations a picture) of eager diffusers."""
    kind = StableDiffusionXLPipeline if case.model == "sdxl" else StableDiffusionPipeline
    pipeline = kind.from_pretrained(folder).to("cuda", torch.bfloat16)
    pipeline.set_progress_bar_config(disable=True)

    def one() -> object:
        return pipeline(
            "a cat",
            width=case.side,
            height=case.side,
            num_inference_steps=case.steps,
            guidance_scale=case.guidance,
            output_type="np",
        )

    with FlopCounterMode(display=False) as counter:
        one()
    seconds = _seconds(lambda: [one() for _ in range(SERIAL)]) / SERIAL
    return 1 / seconds, counter.get_total_flops() / 1e12


def spec_of(case: Case, folder: Path, *, compiled: bool) -> ModelSpec:
    return ModelSpec(
        name=case.name,
        source=str(folder),
        width=case.side,
        height=case.side,
        max_side=1536,
        num_inference_steps=case.steps,
        guidance_scale=case.guidance,
        compile=compiled,
    )


async def together(spec: ModelSpec) -> dict[str, float]:
    """The step engine with all users at once, previews on."""
    engine = StepEngine(Host(Catalog((spec,), spec.name), EngineOptions(device="cuda", slots=USERS)))
    await engine.load(spec.name)
    recipes = [plan(ImagineRequest(prompt=f"a cat {seed}", seed=seed), spec, 0)[0] for seed in range(USERS)]
    await _make(engine, recipes[:2])
    compiled_before = torch._dynamo.utils.counters["stats"]["unique_graphs"]  # noqa: SLF001 - has no other
    spent_before = dict(engine.tally.seconds)
    torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    await _make(engine, recipes)
    seconds = time.perf_counter() - begun
    spent = {part: total - spent_before[part] for part, total in engine.tally.seconds.items()}
    [cap] = (await engine.report()).batches.values()
    await engine.close()
    return {
        "images_per_s": USERS / seconds,
        "rows": cap,
        "recompilations": torch._dynamo.utils.counters["stats"]["unique_graphs"] - compiled_before,  # noqa: SLF001 - as above
        "preview_share": spent["preview"] / spent["tick"],
        "peak_gib": torch.cuda.max_memory_allocated() / 1024**3,
    }


async def _make(engine: StepEngine, recipes: list[Recipe]) -> None:
    def quiet(step: int, steps: int) -> None:
        """Nobody watches."""

    def look(picture: Picture) -> None:
        """Somebody does, but it costs nothing here."""

    await asyncio.gather(*(engine.generate(recipe, None, quiet, look) for recipe in recipes))


def measure(*, compiled: bool) -> dict[str, Any]:
    """All cases."""
    peak = peak_tflops()
    told: dict[str, Any] = {"device": torch.cuda.get_device_name(), "peak_tflops": round(peak, 1)}
    with tempfile.TemporaryDirectory() as scratch:
        for case in CASES:
            folder = Path(scratch) / case.model
            if not folder.exists():
                build(case.model, folder)
            alone, per_image = serial(folder, case)
            torch.cuda.empty_cache()
            made = asyncio.run(together(spec_of(case, folder, compiled=compiled)))
            tflops = made["images_per_s"] * per_image
            made |= {
                "images_per_s_ratio_vs_serial": made["images_per_s"] / alone,
                "tflops": tflops,
                "fraction_of_peak": tflops / peak,
            }
            told[case.name] = {name: round(value, 3) for name, value in made.items()}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--compile", action="store_true", help="let torch compile UNet and VAE")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a CUDA device")
    told = measure(compiled=options.compile)
    print(json.dumps(told) if options.json else "\n".join(f"{k}: {v}" for k, v in told.items()))


if __name__ == "__main__":
    main()
