"""What the engine over stock pipelines does besides what every engine promises."""

import asyncio
from pathlib import Path

import pytest
from diffusers import AutoencoderKL, StableDiffusionPipeline

from bot.core.errors import GenerationError
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from tests.engine.examples import a_catalog, a_picture, a_recipe, a_spec, ignore


@pytest.mark.parametrize("is_broken", [False, True])
async def test_after_a_remix_offloaded_models_go_back_by_the_pipeline_that_has_the_hooks(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    engine = PipelineEngine(Host(a_catalog(a_spec(source=tiny)), EngineOptions()))
    await engine.load("tiny")
    calls: list[int] = []
    monkeypatch.setattr(StableDiffusionPipeline, "maybe_free_model_hooks", lambda _: calls.append(1))
    if is_broken:
        monkeypatch.delattr(AutoencoderKL, "decode")

    outcome = await asyncio.gather(
        engine.generate(a_recipe(strength=0.5), a_picture(), ignore), return_exceptions=True
    )

    assert isinstance(outcome[0], GenerationError) is is_broken
    assert calls == [1]
    await engine.close()
