"""The error tree. Every error carries data; the sentences are in `messages.py`, here only.

AtelierError
├── RequestError            what was asked for cannot be done as asked
│   ├── PromptError  OptionError  ChoiceError  StrengthsError  SizeError  SyntaxProblemError
│   ├── UnknownModelError  UnsupportedError
│   ├── BadImageError  NoSourceError  ManyPicturesError  SourceGoneError  SourceHiddenError
│   └── UnknownIdError  UnknownJobError  JobOverError
├── LimitError              not now; says when
│   └── QueueFullError  TooManyWaitingError  StoppingError
├── AccessError             not you, or not here
│   ├── NotYoursError  PrivateSourceError  SourceAccessError  ChannelNotServedError  BotPermissionError
│   └── ProcessAccessError
├── EngineError             the machine could not
│   ├── DeviceMemoryError  ModelUnavailableError  UnsafeImageError  GenerationError
│   └── DeviceLostError  EngineStalledError  EngineClosedError
├── StorageError            the disk or the database could not
│   ├── DiskFullError  DatabaseBusyError  DatabaseTooNewError  DatabaseDamagedError
│   └── DatabaseUnusableError  DataDirInUseError
├── DeliveryError           Discord would not take the answer
├── UnconfirmedError        Discord may have taken the answer
├── DiscordUnreachableError no connection to Discord
├── MissingExtraError       an optional part of the program is not installed
├── RestartError            the process ended, or ends, before all was done
│   └── RestartingError  CrashedError  EarlierError  UntakenError
└── SettingsError           the operator's configuration is off

Cancelled is an outcome, not an error.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(eq=False)
class AtelierError(Exception):
    """Base of all errors that a person may cause or see."""

    def __str__(self) -> str:
        return repr(self)


class RequestError(AtelierError):
    """What was asked for cannot be done as asked."""


@dataclass(eq=False)
class PromptError(RequestError):
    """A prompt that is empty or longer than `limit` characters."""

    length: int
    limit: int


@dataclass(eq=False)
class OptionError(RequestError):
    """A number outside its range `low` to `high`; `exclusive_low` when `low` itself is refused."""

    option: str
    value: float
    low: float
    high: float
    exclusive_low: bool = False


@dataclass(eq=False)
class ChoiceError(RequestError):
    """A word that is none of the words an option takes."""

    option: str
    value: str
    choices: tuple[str, ...]


@dataclass(eq=False)
class StrengthsError(RequestError):
    """A ladder's strengths that do not make a ladder; `value` is the culprit where there is one."""

    reason: Literal["not_a_number", "repeated", "too_few", "too_many"]
    value: str = ""
    count: int = 0
    low: int = 2
    high: int = 9


@dataclass(eq=False)
class SizeError(RequestError):
    """A size in pixels that the model cannot make."""

    width: int
    height: int
    multiple_of: int
    min_side: int
    max_side: int
    max_pixels: int


@dataclass(eq=False)
class SyntaxProblemError(RequestError):
    """A typed option (in a message or on the command line) that cannot be read."""

    option: str
    text: str
    expected: str


@dataclass(eq=False)
class UnknownModelError(RequestError):
    """A model name that the catalogue does not have."""

    name: str
    known: tuple[str, ...]


@dataclass(eq=False)
class UnsupportedError(RequestError):
    """Something this model cannot do."""

    model: str
    feature: Literal["image_to_image", "strength", "negative_prompt"]


BadImageReason = Literal[
    "empty",
    "not_an_image",
    "unsupported_format",
    "damaged",
    "too_many_bytes",
    "too_many_pixels",
    "side_too_long",
    "too_many_frames",
    "too_small",
]


@dataclass(eq=False)
class BadImageError(RequestError):
    """Bytes that are not a picture we take. `found` and `limit` are in the reason's own unit."""

    reason: BadImageReason
    found: int | str = 0
    limit: int = 0


class NoSourceError(RequestError):
    """No picture was given, and none could be found in the channel."""


@dataclass(eq=False)
class ManyPicturesError(RequestError):
    """The message holds several pictures and nothing says which is meant."""

    count: int


@dataclass(eq=False)
class SourceGoneError(RequestError):
    """The picture (or the message that held it) is no longer there."""

    what: Literal["message", "picture", "generation"]
    name: str = ""


class SourceHiddenError(RequestError):
    """Discord hides that message's content from the bot (no message-content intent)."""


@dataclass(eq=False)
class UnknownIdError(RequestError):
    """Text that names no generation and no message."""

    text: str


@dataclass(eq=False)
class UnknownJobError(RequestError):
    """A card whose job is no longer in the database."""

    job_id: str


@dataclass(eq=False)
class JobOverError(RequestError):
    """Cancel came after the job had ended."""

    job_id: str
    status: str


class LimitError(AtelierError):
    """Not now."""


@dataclass(eq=False)
class QueueFullError(LimitError):
    """The whole queue is full; `retry_after` in seconds."""

    limit: int
    retry_after: float


@dataclass(eq=False)
class TooManyWaitingError(LimitError):
    """This user already has `limit` jobs waiting or running; `retry_after` in seconds."""

    limit: int
    retry_after: float


class StoppingError(LimitError):
    """The bot is shutting down and takes nothing new."""


class AccessError(AtelierError):
    """Not you, or not here."""


@dataclass(eq=False)
class NotYoursError(AccessError):
    """An action kept for the picture's owner (and, but for `pick`, for moderators)."""

    action: Literal["cancel", "delete", "pick", "use"]


class PrivateSourceError(AccessError):
    """The user's own private picture, named where everybody would see it."""


class SourceAccessError(AccessError):
    """A picture in a place that the user cannot read."""


@dataclass(eq=False)
class ChannelNotServedError(AccessError):
    """The operator lets the bot answer elsewhere only."""

    channels: tuple[int, ...]


@dataclass(eq=False)
class BotPermissionError(AccessError):
    """The bot itself lacks permissions in a channel (Discord's own names, as in its settings)."""

    permissions: tuple[str, ...]
    channel_id: int | None = None


@dataclass(eq=False)
class ProcessAccessError(AccessError):
    """Another user's process, which this one may not send a signal."""

    pid: int


class EngineError(AtelierError):
    """The machine could not."""


@dataclass(eq=False)
class DeviceMemoryError(EngineError):
    """Out of memory on the device, also after all that helps was tried (sizes in pixels)."""

    model: str
    width: int
    height: int


@dataclass(eq=False)
class ModelUnavailableError(EngineError):
    """A model that cannot be loaded."""

    model: str
    reason: Literal["offline", "not_found", "gated", "pickled", "not_text_to_image", "damaged"]
    detail: str = ""


@dataclass(eq=False)
class UnsafeImageError(EngineError):
    """The model's own safety checker held the picture back."""

    model: str


@dataclass(eq=False)
class GenerationError(EngineError):
    """The pipeline failed in a way that we do not know."""

    model: str
    detail: str


@dataclass(eq=False)
class DeviceLostError(EngineError):
    """The device's context is damaged: nothing works on it again until the process is started anew."""

    detail: str


@dataclass(eq=False)
class EngineStalledError(EngineError):
    """The engine made no progress for `seconds` and was started anew."""

    seconds: float


class EngineClosedError(EngineError):
    """The engine was asked for work after it had been closed."""


class StorageError(AtelierError):
    """The disk or the database could not."""


@dataclass(eq=False)
class DiskFullError(StorageError):
    """No space left under `path`."""

    path: str


class DatabaseBusyError(StorageError):
    """Another process holds the database's lock for longer than we wait."""


@dataclass(eq=False)
class DatabaseTooNewError(StorageError):
    """The database was written by a newer version; it is left untouched."""

    found: int
    known: int


@dataclass(eq=False)
class DatabaseDamagedError(StorageError):
    """The file is not a database, or a damaged one."""

    path: str


@dataclass(eq=False)
class DatabaseUnusableError(StorageError):
    """The operating system does not let us open the file, or write to it."""

    path: str


@dataclass(eq=False)
class DataDirInUseError(StorageError):
    """Another bot already works on this data directory."""

    path: str


@dataclass(eq=False)
class DeliveryError(AtelierError):
    """Discord did not take the answer: HTTP `status`, or 0 when the connection broke.

    Where it was too large, `size` and `limit` are in bytes.
    """

    status: int
    size: int = 0
    limit: int = 0


class UnconfirmedError(AtelierError):
    """A private answer was sent, Discord never confirmed it, and it cannot be reached any more."""


class DiscordUnreachableError(AtelierError):
    """No connection to Discord could be made."""


@dataclass(eq=False)
class MissingExtraError(AtelierError):
    """An optional part of the program (an extra of the package) is not installed."""

    extra: str


class RestartError(AtelierError):
    """The process ended, or ends, before all was done."""


class RestartingError(RestartError):
    """The process ends; the job stays on record, and the next one takes it up."""


@dataclass(eq=False)
class CrashedError(RestartError):
    """The process ended `crashes` times while the job ran: it is not tried again."""

    crashes: int


@dataclass(eq=False)
class EarlierError(RestartError):
    """What an earlier process met with: the sentence is all that is on record."""

    sentence: str


class UntakenError(RestartError):
    """The process ended after it had acknowledged a request, and before it had accepted it."""


@dataclass(eq=False)
class SettingsError(AtelierError):
    """A missing or malformed setting, named by its environment variable."""

    variable: str
    problem: str
