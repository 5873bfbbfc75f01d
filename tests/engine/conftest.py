"""One tiny model for the whole session; engines are cheap, models are not built twice."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.core.catalog import Catalog
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from tests.engine.examples import a_catalog, a_spec
from tests.engine.tiny import save_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    return save_tiny(tmp_path_factory.mktemp("tiny"))


MakeEngine = Callable[..., PipelineEngine]


@pytest.fixture(scope="session")
def make_engine(tiny: Path) -> Iterator[MakeEngine]:
    """Makes engines, for the tiny model unless told otherwise, and closes them in the end."""
    engines: list[PipelineEngine] = []

    def make(catalog: Catalog | None = None, **options: object) -> PipelineEngine:
        settings = EngineOptions(**options)  # type: ignore[arg-type]  # each test names its own
        engines.append(PipelineEngine(catalog or a_catalog(a_spec(source=tiny)), settings))
        return engines[-1]

    yield make
    for engine in engines:
        asyncio.run(engine.close())


@pytest.fixture(scope="session")
def engine(make_engine: MakeEngine) -> PipelineEngine:
    """An engine with the tiny model, for all tests that leave it as they found it."""
    return make_engine()
