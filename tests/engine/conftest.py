"""One tiny model for the whole session; engines are cheap, models are not built twice."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from bot.core.catalog import Catalog
from bot.engine.host import Host
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from bot.engine.step_engine import StepEngine
from tests.engine.examples import a_catalog, a_spec
from tests.engine.tiny import save_tiny

# For models this small, handing work out to threads takes longer than the work.
torch.set_num_threads(1)

AnyEngine = PipelineEngine | StepEngine
MakeEngine = Callable[..., AnyEngine]
Before = Callable[[Any], None]
ENGINES: dict[str, type[AnyEngine]] = {"pipeline": PipelineEngine, "step": StepEngine}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session", params=ENGINES)
def kind(request: pytest.FixtureRequest) -> str:
    """Every test of an engine runs once for each of them, unless it names its own."""
    return str(request.param)


@pytest.fixture(scope="session")
def make_engine(tiny: Path, kind: str) -> Iterator[MakeEngine]:
    """Makes engines, for the tiny model unless told otherwise, and closes them in the end."""
    engines: list[AnyEngine] = []

    def make(catalog: Catalog | None = None, **options: object) -> AnyEngine:
        settings = EngineOptions(**options)  # type: ignore[arg-type]  # each test names its own
        host = Host(catalog or a_catalog(a_spec(source=tiny)), settings)
        engines.append(ENGINES[kind](host))
        return engines[-1]

    yield make
    for engine in engines:
        asyncio.run(engine.close())


@pytest.fixture(scope="session")
def engine(make_engine: MakeEngine) -> AnyEngine:
    """An engine with the tiny model, for all tests that leave it as they found it."""
    return make_engine()


@pytest.fixture
def before_each_evaluation(monkeypatch: pytest.MonkeyPatch) -> Callable[[Before], None]:
    """Makes every UNet call a function with its latents first."""
    forward = UNet2DConditionModel.forward

    def install(before: Before) -> None:
        def watched(self: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
            before(sample)
            return forward(self, sample, *args, **kwargs)

        monkeypatch.setattr(UNet2DConditionModel, "forward", watched)

    return install


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that latents are decoded."""
    calls: list[int] = []
    decode = AutoencoderKL.decode

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return decode(self, *args, **kwargs)

    monkeypatch.setattr(AutoencoderKL, "decode", counted)
    return calls


@pytest.fixture(scope="session")
def tolerance(kind: str) -> int:
    """Of 255, by which a pixel may differ from stock diffusers: pipelines are stock; shared forwards round
    otherwise."""
    return {"pipeline": 0, "step": 1}[kind]
