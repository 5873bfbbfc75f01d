"""Everything is put together here: the one place that knows which adapter serves which port."""

import asyncio
import contextlib
import importlib.resources
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.core.catalog import CATALOG_VARIABLE, Catalog, ModelSpec, read_catalog
from bot.core.errors import AtelierError, SettingsError
from bot.core.feed import Feed
from bot.core.gallery import Gallery
from bot.core.lexicon import Lexicon
from bot.core.ports import Engine
from bot.core.queue import FairQueue
from bot.core.rules import RuleBook
from bot.core.service import GenerationService
from bot.engine.folders import local_folder
from bot.history.acknowledged import SqliteAcknowledged
from bot.history.database import open_database
from bot.history.generations import SqliteHistory
from bot.history.images import FileImages
from bot.history.jobs import SqliteJobs
from bot.history.lock import holder_of, lock_data_dir
from bot.history.preferences import SqlitePreferences
from bot.imaging.codec import PillowCodec
from bot.imaging.opening import Limits
from bot.settings import Settings

log = logging.getLogger(__name__)

CLOSING_PATIENCE: Final = 30.0
"""Seconds for the device to let go of what it does, or is loading."""
DATABASE: Final = "atelier.sqlite3"
LEXICON: Final = "lexicon.json"
"""In a model's folder: the few words that it knows."""
MIB: Final = 1024 * 1024

NewEngine = Callable[[Settings, Catalog], Engine]


class SystemClock:
    """The real time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything that is kept, on disk and in the database."""

    jobs: SqliteJobs
    history: SqliteHistory
    preferences: SqlitePreferences
    acknowledged: SqliteAcknowledged
    images: FileImages
    codec: PillowCodec

    @property
    def gallery(self) -> Gallery:
        return Gallery(jobs=self.jobs, history=self.history, images=self.images, codec=self.codec)


@dataclass(frozen=True, slots=True)
class Services:
    """What a bot, a command line or a benchmark works with."""

    generation: GenerationService
    gallery: Gallery
    preferences: SqlitePreferences
    acknowledged: SqliteAcknowledged
    engine: Engine


@asynccontextmanager
async def open_storage(settings: Settings, *, alone: bool) -> AsyncIterator[Storage]:
    """Open the data directory: enough for looking at what was made. Imports nothing heavy.

    Args:
        alone: hold the data directory for this process alone (the bot); otherwise work beside it on
            the same database (the command line).

    Raises:
        SettingsError: the data directory cannot be made.
        StorageError: the database cannot be used, or another bot holds the data directory.
    """
    data_dir = make_data_dir(settings)
    async with AsyncExitStack() as stack:
        try:
            if alone:
                stack.enter_context(lock_data_dir(data_dir))
            images = FileImages(data_dir / "images")
        except OSError as error:
            raise _unusable(data_dir, error) from error
        database = await stack.enter_async_context(open_database(data_dir / DATABASE))
        yield Storage(
            jobs=SqliteJobs(database),
            history=SqliteHistory(database),
            preferences=SqlitePreferences(database),
            acknowledged=SqliteAcknowledged(database),
            images=images,
            codec=PillowCodec(Limits(max_bytes=settings.max_source_mib * MIB)),
        )


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    alone: bool,
    recover: bool | None = None,
    new_feed: Callable[[], Feed] = Feed,
    new_engine: NewEngine | None = None,
) -> AsyncIterator[Services]:
    """Open everything in order, and close it in the opposite order.

    Args:
        alone: as for `open_storage`.
        recover: take up what the last process left unfinished; None for what `alone` says.
        new_feed: how live jobs tell their events; the demo has its own.
        new_engine: `device_engine` when None.

    Raises:
        SettingsError: the catalogue, the model or the data directory is off.
        StorageError: the database cannot be used, or another bot holds the data directory.
    """
    catalog = load_catalog(settings)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings, alone=alone))
        engine = (new_engine or device_engine)(settings, catalog)
        stack.push_async_callback(_close_engine, engine)
        generation = GenerationService(
            catalog=catalog,
            engine=engine,
            jobs=storage.jobs,
            history=storage.history,
            images=storage.images,
            codec=storage.codec,
            clock=SystemClock(),
            queue=FairQueue(
                limit=settings.queue_limit,
                limit_per_user=settings.queue_limit_per_user,
                running_per_user=settings.running_limit_per_user,
            ),
            rules=RuleBook(storage.preferences),
            previews=settings.previews,
            new_feed=new_feed,
        )
        stack.push_async_callback(generation.close)
        await generation.start(recover=alone if recover is None else recover)
        yield Services(generation, storage.gallery, storage.preferences, storage.acknowledged, engine)


def running_bot(settings: Settings) -> int | None:
    """The id of the process that works on the data directory; None when none does.

    Raises:
        SettingsError: the data directory cannot be used.
    """
    data_dir = make_data_dir(settings)
    try:
        return holder_of(data_dir)
    except OSError as error:
        raise _unusable(data_dir, error) from error


async def _close_engine(engine: Engine) -> None:
    """Close it; a device that hangs, or a second signal, does not keep the process from ending."""
    closing = asyncio.create_task(engine.close(), name="engine-close")
    try:
        await asyncio.wait({closing}, timeout=CLOSING_PATIENCE)
    finally:
        if not closing.done():
            log.error("the device has not let go: it is left to the end of the process")
            with contextlib.suppress(AtelierError):
                await engine.restart(CLOSING_PATIENCE)  # gives up what hangs, and starts nothing
        await closing


def load_catalog(settings: Settings) -> Catalog:
    """The operator's catalogue, or the built-in one, with the lexicons of the models that bring one.

    Raises:
        SettingsError: it, or a lexicon, cannot be read.
    """
    try:
        if settings.catalog is None:
            text = (importlib.resources.files("bot.models") / "catalog.toml").read_text("utf-8")
        else:
            text = settings.catalog.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            CATALOG_VARIABLE, f"is {str(settings.catalog)!r}, which cannot be read: {error}"
        ) from error
    catalog = read_catalog(text, settings.default_model)
    return replace(catalog, models=tuple(_with_lexicon(spec) for spec in catalog))


def _with_lexicon(spec: ModelSpec) -> ModelSpec:
    folder = local_folder(spec.source)
    if folder is None or not (folder / LEXICON).is_file():
        return spec
    try:
        return replace(spec, lexicon=Lexicon.from_json((folder / LEXICON).read_text("utf-8")))
    except (OSError, ValueError) as error:
        problem = f"names the model {spec.name!r}, whose {LEXICON} cannot be read: {error}"
        raise SettingsError(CATALOG_VARIABLE, problem) from error


def make_data_dir(settings: Settings) -> Path:
    """The data directory, made if it is not there.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(settings.data_dir, error) from error
    return settings.data_dir


def _unusable(data_dir: Path, error: OSError) -> SettingsError:
    return SettingsError("ATELIER_DATA_DIR", f"is {str(data_dir)!r}, which cannot be used: {error.strerror}")


def import_engine() -> None:
    """Import torch and diffusers, which takes seconds: best done before there is an event loop."""
    import bot.engine.step_engine  # noqa: F401 - for its effect: torch is in memory then


def device_engine(settings: Settings, catalog: Catalog) -> Engine:
    """The engine that makes pictures together, on this machine's device."""
    # Importing torch and diffusers takes seconds: only who makes pictures pays for it.
    from bot.engine.host import Host
    from bot.engine.options import EngineOptions
    from bot.engine.step_engine import StepEngine

    options = EngineOptions(
        device=settings.device.value,
        dtype=settings.dtype.value,
        offload=settings.offload.value,
        max_resident=settings.max_resident_models,
        slots=settings.pictures_at_once,
        max_rows=settings.max_rows,
        exact_rows=settings.exact_rows,
        compile=settings.compile.value,
    )
    return StepEngine(Host(catalog, options))
