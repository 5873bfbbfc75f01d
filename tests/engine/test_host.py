"""What engines stand on: a model is tried when it is loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import SettingsError
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from tests.engine.conftest import Before
from tests.engine.examples import a_catalog, a_spec


@pytest.mark.parametrize(("own_steps", "steps"), [(1, 1), (25, 4)])
async def test_the_warm_up_is_a_few_steps_of_the_smallest_size(
    tiny: Path,
    before_each_evaluation: Callable[[Before], None],
    own_steps: int,
    steps: int,
) -> None:
    shapes: list[Any] = []
    before_each_evaluation(lambda latents: shapes.append(tuple(latents.shape[2:])))

    spec = a_spec(source=tiny, min_side=50, multiple_of=16, num_inference_steps=own_steps)
    host = Host(a_catalog(spec), EngineOptions())
    await host.load("tiny")
    await host.close()

    assert shapes == [(32, 32)] * steps  # 64 pixels, in latents


def test_a_dtype_that_nobody_knows_is_found_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="float7"):
        Host(a_catalog(a_spec(dtype="float7")), EngineOptions())
