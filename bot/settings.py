"""Settings: the only reader of the environment and of `.env`."""

import difflib
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.core.errors import SettingsError
from bot.core.policy import SpoilerRule

PREFIX: Final = "ATELIER_"
TOKEN_VARIABLE: Final = "DISCORD_TOKEN"  # noqa: S105 - the name of a variable, no token
DOTENV: Final = Path(".env")


class Device(StrEnum):
    """Where the models run."""

    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"


class Dtype(StrEnum):
    """The numbers that the models compute with."""

    AUTO = "auto"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Offload(StrEnum):
    """What waits in main memory while it is not needed on a CUDA device."""

    NONE = "none"
    MODEL = "model"
    SEQUENTIAL = "sequential"


class Compile(StrEnum):
    """Whether torch compiles the models on a CUDA device."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class LogLevel(StrEnum):
    """How much the log tells."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Settings(BaseSettings):
    """What the operator sets. Field descriptions become `.env.example`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        populate_by_name=True,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    token: SecretStr | None = Field(
        default=None,
        validation_alias=TOKEN_VARIABLE,
        description="The bot's token, from the Discord developer portal (your application > Bot > Token). "
        "`atelier demo` and the other commands need none.",
    )
    data_dir: Path = Field(default=Path("data"), description="Folder of the database and the pictures.")
    catalog: Path | None = Field(
        default=None,
        description="TOML file that lists your models (start from models.example.toml). "
        "Unset: the built-in catalogue.",
    )
    default_model: str | None = Field(
        default=None,
        description="Name of the model used when none is asked for. Unset: the catalogue's first.",
    )
    device: Device = Field(
        default=Device.AUTO, description="auto (cuda, else mps, else cpu), cuda, mps or cpu."
    )
    dtype: Dtype = Field(
        default=Dtype.AUTO,
        description="auto (bfloat16 or float16 on cuda, float16 on mps, float32 on cpu), bfloat16, "
        "float16 or float32.",
    )
    offload: Offload = Field(
        default=Offload.NONE,
        description="none, model or sequential: keep idle parts of a model in main memory (cuda only; "
        "slower, smaller).",
    )
    max_resident_models: int = Field(
        default=2, ge=1, le=32, description="Models kept in memory; the least recently used one goes first."
    )
    pictures_at_once: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Pictures in the making at once; they share the steps of their model.",
    )
    max_rows: int = Field(
        default=32,
        ge=1,
        le=256,
        description="Most rows of one step of a model (a picture with guidance takes two). How many pay is "
        "measured at the start; a smaller number here saves memory.",
    )
    exact_rows: int = Field(
        default=0,
        ge=0,
        le=256,
        description="If not 0: every step has exactly so many rows, so that a picture is the same to the "
        "last bit whatever else is being made. Slower.",
    )
    compile: Compile = Field(
        default=Compile.AUTO,
        description="auto (models marked `compile` in the catalogue), on or off: let torch compile the "
        "models (cuda only; minutes at each start, faster afterwards).",
    )
    queue_limit: int = Field(default=100, ge=1, le=10_000, description="Jobs that may wait in all.")
    queue_limit_per_user: int = Field(
        default=8,
        ge=1,
        le=1_000,
        description="Jobs that one user may have waiting and running. A server's admins may allow fewer.",
    )
    running_limit_per_user: int = Field(
        default=4,
        ge=1,
        le=1_000,
        description="Jobs of one user that may run at once. A server's admins may allow fewer.",
    )
    previews: bool = Field(
        default=True,
        description="true: cards show the picture forming. Never for models with a safety checker, which "
        "sees finished pictures only.",
    )
    grace_seconds: float = Field(
        default=20.0,
        ge=0,
        le=3600,
        description="How long a stopping bot lets running jobs go on. What is not finished by then is taken "
        "up at the next start.",
    )
    channels: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(),
        description="Ids of the server channels in which the bot answers, separated by commas. Empty: all. "
        "Direct messages are always answered.",
    )
    spoiler: SpoilerRule = Field(
        default=SpoilerRule.UNCHECKED,
        description="Pictures posted behind a spoiler: never, unchecked (models not marked `checked` in the "
        "catalogue) or always.",
    )
    message_content: bool = Field(
        default=False,
        description="true if the message-content intent is on for your application: lets replies to other "
        "people's pictures work. Without it, Apps > Remix does.",
    )
    max_source_mib: int = Field(
        default=25, ge=1, le=100, description="Largest picture taken for a remix, in MiB (1,048,576 bytes)."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("channels", mode="before")
    @classmethod
    def _split_channels(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(int(word) for word in value.replace(",", " ").split())


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env` in the working folder; `overrides` win.

    Raises:
        SettingsError: one sentence that names the variable: malformed, out of range, or unknown.
    """
    _check_names()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        variable = variable_of(str(first["loc"][0]))
        problem = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise SettingsError(variable, f"is {first['input']!r}, which does not do: {problem}") from error


def variable_of(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    alias = Settings.model_fields[field].validation_alias if field in Settings.model_fields else None
    return str(alias) if alias else field if field == TOKEN_VARIABLE else f"{PREFIX}{field.upper()}"


def _check_names() -> None:
    """A misspelt variable would silently do nothing: refuse it."""
    known = [variable_of(field) for field in Settings.model_fields]
    try:
        dotenv = dotenv_values(DOTENV) if DOTENV.is_file() else {}
    except UnicodeDecodeError as error:
        raise SettingsError(str(DOTENV), "is not text in UTF-8; save it anew as such") from error
    for name in sorted({*os.environ, *dotenv}):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {near[0]}" if near else ""
            raise SettingsError(name, f"is not a setting{hint}")
