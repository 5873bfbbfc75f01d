"""Jobs, the events they emit, and the pictures that come out of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from bot.core.errors import AtelierError
from bot.core.ids import GenerationId, JobId
from bot.core.recipe import Recipe
from bot.core.requests import Kind, Source

LOCAL_USER: Final = 0
"""The owner of what the command line makes (Discord's ids are never 0)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Raw pixels: `rgb` holds height x width x 3 bytes, row by row from the top left, 0 to 255."""

    width: int
    height: int
    rgb: bytes

    def __post_init__(self) -> None:
        if len(self.rgb) != self.width * self.height * 3:
            raise ValueError(f"{len(self.rgb)} bytes are no {self.width}x{self.height} RGB picture")


class JobStatus(StrEnum):
    """Where a job stands. `TRANSITIONS` says what may follow what."""

    QUEUED = "queued"
    RUNNING = "running"
    DELIVERING = "delivering"
    """Made and kept; its owner has not been shown it yet."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return not TRANSITIONS[self]


TRANSITIONS: Final[dict[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    # Back to queued: handed back as the bot stops, or taken up again after it crashed.
    JobStatus.RUNNING: frozenset(
        {JobStatus.QUEUED, JobStatus.DELIVERING, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}
    ),
    JobStatus.DELIVERING: frozenset({JobStatus.DONE}),
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked, and where the answer goes. All ids are Discord's; None outside of Discord."""

    user_id: int = LOCAL_USER
    user_name: str = ""
    guild_id: int | None = None
    channel_id: int | None = None
    message_id: int | None = None
    interaction_token: str | None = None
    """Good for 15 minutes, in another process too."""
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request on its way. Times are seconds since the epoch (UTC)."""

    id: JobId
    kind: Kind
    origin: Origin
    recipes: tuple[Recipe, ...]
    source: Source | None = None
    status: JobStatus = JobStatus.QUEUED
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    error: str | None = None
    """The sentence that the user reads, for a failed job."""
    weight: float = 1.0
    """Its owner's share of the device, relative to other people's."""
    crashes: int = 0
    """How often the process ended, or the engine stood still, while it ran."""

    @property
    def recipe(self) -> Recipe:
        """The first picture's recipe: what the card shows."""
        return self.recipes[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """What an engine gives back for one recipe."""

    picture: Picture
    recipe: Recipe
    """As it was run: with the scheduler's name, and smaller if memory ran out once."""
    steps_run: int
    seconds: float
    """Of device time: its share where it was made together with others."""
    versions: dict[str, str] = field(default_factory=dict)
    """Package name -> version, plus `device` and `dtype`."""
    prompt_cut: str = ""
    """The end of the prompt that the model's tokenizer dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One finished picture in history."""

    id: GenerationId
    job_id: JobId
    index: int
    """Its place on the job's card, from 0."""
    kind: Kind
    origin: Origin
    recipe: Recipe
    image_sha256: str
    parent_id: GenerationId | None = None
    steps_run: int = 0
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    prompt_cut: str = ""
    shrunk_from: tuple[int, int] | None = None
    """The (width, height) that was asked for, when memory allowed only a smaller picture."""
    hidden: bool = False
    """A ladder's tile that nobody has picked yet."""
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits: `position` from 1 (next); `eta` in seconds to its pictures, None while unknown."""

    position: int
    eta: float | None = None
    stopping: bool = False
    """Nothing begins any more before the bot has been started anew."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`step` of `steps` denoising steps are run, over all of a job's pictures; of `count`, `denoised`
    have run all of theirs."""

    step: int
    steps: int
    denoised: int = 0
    count: int = 1
    seconds: float = 0.0
    """Since the job began to run."""
    previews: tuple[Picture, ...] = ()
    """What the pictures look like so far, small: of those that have shown anything yet."""


@dataclass(frozen=True, slots=True)
class Finished:
    """All pictures are made and stored."""

    generations: tuple[Generation, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended with an error; what was stored before stays."""

    error: AtelierError


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The owner or a moderator took the job back."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """This process does no more for the job, and says why; the next one takes it up again."""

    error: AtelierError


Event = Queued | Progress | Finished | Failed | Cancelled | Suspended
Outcome = Finished | Failed | Cancelled | Suspended
HistoryCursor = tuple[float, GenerationId]
ImageFormat = Literal["PNG", "WEBP"]
