"""What the core needs of the outside world. `bot/wiring.py` alone knows who provides it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.catalog import Capabilities
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import Generation, HistoryCursor, Job, JobStatus, Picture, Render
from bot.core.recipe import Recipe

OnStep = Callable[[int, int], None]
"""Called on the event loop with (step, steps), step from 1."""
OnPreview = Callable[[Picture], None]
"""Called on the event loop, at most once a second, with what the picture looks like so far, small."""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """Where an engine works: for `atelier doctor` and the log."""

    device: str
    dtype: str
    resident: tuple[str, ...]
    """Names of the models now in memory, least recently used first."""
    memory_used: int = 0
    """Bytes held on the device; 0 on the CPU."""
    memory_total: int = 0
    """Bytes that the device has; 0 on the CPU."""
    batches: dict[str, int] = field(default_factory=dict)
    """`MODEL WIDTHxHEIGHT` -> rows of one forward beyond which more do not pay, as measured."""


class Engine(Protocol):
    """Makes pictures. One thread owns the device; the event loop is never blocked."""

    @property
    def slots(self) -> int:
        """How many pictures it has use for at once; further calls to `generate` wait."""
        ...

    async def load(self, model: str) -> Capabilities:
        """Load and warm up a model of the catalogue, and say what it can do.

        Raises:
            ModelUnavailableError: it cannot be loaded.
            DeviceMemoryError: it does not fit.
            EngineClosedError: after `close`.
        """
        ...

    async def generate(
        self, recipe: Recipe, source: Picture | None, on_step: OnStep, on_preview: OnPreview | None = None
    ) -> Render:
        """Make one picture; `source` is given for a remix. Several calls may be under way at once.

        Cancelling the awaiting task stops between two steps and skips the decode; the call returns
        (by raising CancelledError) only once the device has let go of the picture. An engine that
        cannot show previews never calls `on_preview`, and none does for a model with a safety checker:
        that is asked about the finished picture, and until then nobody knows.

        Raises:
            EngineError: see `errors.py`.
            UnsupportedError: the model turned out not to be able to.
        """
        ...

    def estimate(self, recipe: Recipe) -> float | None:
        """Milliseconds of the device that the picture's steps will take, as the engine has measured it.

        The device's time, not a wait: what else is being made comes on top, as do reading the prompt and
        decoding. A size that was not measured is told from the measured one with the nearest number of
        pixels, in proportion to them. None while the model has not been measured at any size, and from
        an engine that measures nothing. Never blocks; on the event loop's thread at any time.
        """
        ...

    async def report(self) -> DeviceReport:
        """What the engine works on, and what it holds."""
        ...

    async def restart(self, seconds: float) -> None:
        """Give up what is being made and what waits, and go on with a fresh thread and no models loaded.

        For when the device's thread has made no progress for `seconds`. A thread cannot be killed: the
        old one is left alone, and whatever it still does is nobody's concern. Calls under way raise
        EngineStalledError; those that come later are served as ever. After `close`, which may be waiting
        for the thread, it ends that wait and starts nothing.

        Raises:
            DeviceLostError: on this device, nothing but a new process helps. Calls under way and later
                ones raise it as well.
        """
        ...

    async def close(self) -> None:
        """Finish the running step, free the device, end the thread. Safe to call twice.

        It waits for as long as a step takes, but not for a thread that `restart` has given up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ingested:
    """A clean picture made of somebody's bytes."""

    picture: Picture
    sha256: str
    """Of `png`: content-addressed, so the same pixels give the same name."""
    png: bytes
    prompt: str | None
    """The prompt in the picture's own metadata (ours, or A1111's), if any."""
    model_prompt: str | None = None
    """What its model was given instead, in our own metadata; None for the same."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One square of a contact sheet."""

    picture: Picture
    label: str


class PictureCodec(Protocol):
    """Bytes to pixels and back. Every method blocks: call it in an executor."""

    def ingest(self, data: bytes) -> Ingested:
        """Somebody's bytes, checked and made clean: upright RGB without metadata.

        Raises:
            BadImageError: with the reason.
        """
        ...

    def decode(self, data: bytes) -> Picture:
        """Pixels of a file that we stored ourselves."""
        ...

    def fit(self, picture: Picture, width: int, height: int) -> Picture:
        """`picture` scaled to cover width x height and cropped at its centre; never squashed."""
        ...

    def encode_png(self, render: Render) -> bytes:
        """A PNG that carries its parameters twice: A1111 text and one JSON chunk."""
        ...

    def shrink(self, png: bytes, limit: int) -> bytes:
        """A WebP of at most `limit` bytes with the same metadata: quality falls, then size.

        Raises:
            DeliveryError: not even the smallest fits.
        """
        ...

    def thumbnail(self, data: bytes, side: int) -> bytes:
        """A small WebP whose longer side is at most `side` pixels."""
        ...

    def preview(self, picture: Picture) -> bytes:
        """A WebP of a picture that is still forming: small rather than good."""
        ...

    def sheet(self, tiles: Sequence[Tile]) -> bytes:
        """A labelled contact sheet as PNG."""
        ...


class ImageStore(Protocol):
    """Files named by their SHA-256."""

    keeping: asyncio.Lock
    """Held from storing a file until a row refers to it, and from deleting rows until their files are
    gone: else one picture's deletion could take the file of another with the same bytes."""

    async def put(self, data: bytes) -> str:
        """Store bytes durably; return their SHA-256 in hexadecimal.

        Raises:
            DiskFullError: nothing was stored.
        """
        ...

    async def get(self, sha256: str) -> bytes:
        """The bytes stored under `sha256`.

        Raises:
            SourceGoneError: there is no such file.
        """
        ...

    async def discard(self, sha256: str) -> None:
        """Remove a file; no error when it is gone already. Ask the database first who uses it."""
        ...


class JobStore(Protocol):
    """Jobs in the database. Every method may raise DatabaseBusyError or DiskFullError."""

    async def add(self, job: Job) -> None:
        """Store a new job, and forget that its interaction was only acknowledged."""
        ...

    async def get(self, job_id: JobId) -> Job:
        """Raises UnknownJobError."""
        ...

    async def start(self, job_id: JobId, at: float) -> None:
        """Queued to running."""
        ...

    async def put_back(self, job_id: JobId, *, crashed: bool) -> None:
        """Running to queued; with `crashed`, one more of its crashes."""
        ...

    async def end(self, job_id: JobId, status: JobStatus, at: float, error: str | None = None) -> None:
        """To failed or cancelled. A job that is over already stays as it is."""
        ...

    async def set_message(self, job_id: JobId, channel_id: int, message_id: int) -> None:
        """Remember which message is the job's card (also for its generations)."""
        ...

    async def settle(self, job_id: JobId) -> None:
        """Its owner has been shown how it ended: delivering to done, and nobody comes back to it."""
        ...

    async def take_up(self) -> list[Job]:
        """All jobs of Discord's users that nobody has been shown the end of, oldest first.

        What was running when the last process ended is queued again, with one more crash.
        """
        ...


class HistoryStore(Protocol):
    """Generations in the database. Every method may raise DatabaseBusyError or DiskFullError."""

    async def complete(self, job_id: JobId, generations: Sequence[Generation], at: float) -> None:
        """Store all pictures of a job in one transaction, and mark it as being delivered.

        One of the command line is done at once.
        """
        ...

    async def get(self, generation_id: GenerationId) -> Generation:
        """Raises SourceGoneError("generation") when it was deleted or never was."""
        ...

    async def of_job(self, job_id: JobId) -> list[Generation]:
        """A job's pictures in order, hidden ones too; [] when all were deleted."""
        ...

    async def of_message(self, message_id: int) -> list[Generation]:
        """The pictures on the card that is this message."""
        ...

    async def page(
        self, user_id: int, *, limit: int, before: HistoryCursor | None = None, matching: str = ""
    ) -> list[Generation]:
        """One user's pictures that are not hidden, newest first, older than the cursor.

        `matching` keeps those whose id starts with it or whose prompt contains it (any case).
        """
        ...

    async def latest(self, user_id: int, channel_id: int | None) -> Generation | None:
        """The user's own latest picture in this channel that was not private."""
        ...

    async def reveal(self, generation_id: GenerationId) -> None:
        """Take a ladder's tile into history."""
        ...

    async def delete(self, generation_ids: Sequence[GenerationId]) -> list[str]:
        """Delete rows; return the hashes of the files that no row refers to any more."""
        ...


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An interaction that was answered with "thinking", and with nothing else yet."""

    token: str
    private: bool
    created_at: float


class AcknowledgedStore(Protocol):
    """What a process has promised to answer, so that the next one can say that it did not."""

    async def add(self, acknowledged: Acknowledged) -> None: ...

    async def remove(self, token: str) -> None:
        """It was answered; no error when it is not there."""
        ...

    async def all(self) -> list[Acknowledged]:
        """What is not answered yet, oldest first."""
        ...


class Preferences(Protocol):
    """Small named values that outlive the process."""

    async def get(self, key: str) -> str | None: ...

    async def set(self, key: str, value: str) -> None: ...

    async def starting_with(self, prefix: str) -> dict[str, str]:
        """All whose keys begin with `prefix`."""
        ...


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> float:
        """Seconds since the epoch (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...
