"""One built-in model for the whole session; engines are cheap, models are not built twice."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.core.catalog import Catalog
from bot.engine.options import EngineOptions
from bot.engine.pipeline_engine import PipelineEngine
from bot.engine.tiny import tiny_folder
from tests.engine.examples import a_catalog, a_spec


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which engines keep the built-in model."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def tiny(models: Path) -> Path:
    """The folder of the built-in model itself."""
    return tiny_folder(models)


MakeEngine = Callable[..., PipelineEngine]


@pytest.fixture(scope="session")
def make_engine(models: Path) -> Iterator[MakeEngine]:
    """Makes engines, for the built-in model unless told otherwise, and closes them in the end."""
    engines: list[PipelineEngine] = []

    def make(catalog: Catalog | None = None, **options: object) -> PipelineEngine:
        settings = EngineOptions(**options)  # type: ignore[arg-type]  # each test names its own
        engines.append(PipelineEngine(catalog or a_catalog(a_spec()), settings, models))
        return engines[-1]

    yield make
    for engine in engines:
        asyncio.run(engine.close())


@pytest.fixture(scope="session")
def engine(make_engine: MakeEngine) -> PipelineEngine:
    """An engine with the built-in model, for all tests that leave it as they found it."""
    return make_engine()
