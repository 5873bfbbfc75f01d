"""The command line: each command parses its options and hands over. Imports nothing heavy by itself."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from bot.core.errors import (
    AccessError,
    AtelierError,
    MissingExtraError,
    RequestError,
    SettingsError,
    SyntaxProblemError,
)
from bot.core.messages import explain
from bot.core.requests import MAX_COUNT, MAX_SEED
from bot.core.strength import DEFAULT_STRENGTH
from bot.settings import Settings, load_settings

BAD_INPUT: Final = 2
FAILED: Final = 1
INTERRUPTED: Final = 130
_DIGITS: Final = 6

T = TypeVar("T")

# Typer brings a click of its own under a private name; this is the public way to its UsageError.
UsageError: Final[Any] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="atelier",
    help="A Discord bot for playing with pictures together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Prompt = Annotated[str, typer.Argument(help="What the picture should show.")]
OptionalPrompt = Annotated[
    str | None,
    typer.Argument(help="What it should show; left out: the picture's own prompt.", show_default=False),
]
Start = Annotated[str, typer.Argument(metavar="IMAGE|ID", help="A picture file, or an id from the history.")]
Out = Annotated[Path, typer.Option(help="The PNG to write; several become NAME-2.png and so on.")]
Seed = Annotated[int | None, typer.Option(min=0, max=MAX_SEED, help="Names the noise; random if left out.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option(min=0, help="How closely to follow the prompt.")]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="Size in pixels, such as 512x512.")]
Count = Annotated[int, typer.Option(min=1, max=MAX_COUNT, help="How many pictures.")]
Negative = Annotated[str, typer.Option(help="What the picture should not show.")]
Model = Annotated[str | None, typer.Option(help="A model of the catalogue.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def imagine(
    prompt: Prompt,
    out: Out,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    count: Count = 1,
    negative: Negative = "",
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Make a picture from words."""
    from bot import local

    options = local.Options(seed, steps, guidance, parse_size(size), count, negative, model)
    _run(local.imagine(load_settings(), prompt, options, out, as_json=as_json))


@app.command()
def remix(
    start: Start,
    out: Out,
    prompt: OptionalPrompt = None,
    strength: Annotated[
        float, typer.Option(help="Above 0 (keep the picture) to 1 (start afresh).")
    ] = DEFAULT_STRENGTH,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    count: Count = 1,
    negative: Negative = "",
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Make the next picture from a picture."""
    from bot import local

    options = local.Options(seed, steps, guidance, parse_size(size), count, negative, model)
    _run(local.remix(load_settings(), start, prompt, strength, options, out, as_json=as_json))


@app.command()
def ladder(
    start: Start,
    out: Out,
    prompt: OptionalPrompt = None,
    strengths: Annotated[str, typer.Option(help="2 to 9 of them.")] = "0.3,0.5,0.7",
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Size = None,
    negative: Negative = "",
    model: Model = None,
    as_json: Json = False,
) -> None:
    """See one picture remixed at several strengths, on one labelled sheet."""
    from bot import local

    options = local.Options(seed, steps, guidance, parse_size(size), 1, negative, model)
    _run(local.ladder(load_settings(), start, prompt, strengths, options, out, as_json=as_json))


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List what the command line has made."""
    from bot import local

    _run(local.history(load_settings(), limit, as_json=as_json))


@app.command()
def doctor() -> None:
    """Check settings, database, model, device, disk and token, and say what to do."""
    from bot.doctor import examine

    if not _run(examine(load_settings())):
        raise typer.Exit(FAILED)


@app.command()
def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the page on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Play with the bot in a simulated Discord: no account, no token."""
    try:
        from bot.demo import serve  # an extra
        from bot.wiring import import_engine
    except ModuleNotFoundError as error:
        raise MissingExtraError("demo") from error

    settings = load_settings()
    _log_to_stderr(settings)
    import_engine()
    _run(serve(settings, port=port, open_browser=browser))


@app.command()
def run() -> None:
    """Start the bot on Discord."""
    settings = load_settings()
    _log_to_stderr(settings)
    from bot.running import serve
    from bot.wiring import import_engine

    import_engine()
    _run(serve(settings))


@app.command()
def drain() -> None:
    """Tell the running bot to finish what it does and to stop; what waits goes on at the next start."""
    from bot.draining import drain as tell

    if not _run(tell(load_settings())):
        raise typer.Exit(FAILED)


@app.command()
def sync() -> None:
    """Tell Discord about the commands now (the bot does it by itself when they have changed)."""
    from bot.running import sync_commands

    _run(sync_commands(load_settings()))
    typer.echo("Commands synced.")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Read a size such as `512x768`.

    Raises:
        SyntaxProblemError: it is not of that form.
    """
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and all(side.isdecimal() and len(side) <= _DIGITS for side in (width, height))):
        raise SyntaxProblemError("--size", text, "width x height in pixels, such as 512x512")
    return int(width), int(height)


def main() -> None:
    """Run a command; every error becomes one sentence on stderr.

    Exit status 2 for bad input and bad settings, 1 for what failed, 130 for Ctrl-C.
    """
    sys.exit(_main())


def _main() -> int:
    try:
        # standalone_mode off: click's own errors come here, instead of as several lines.
        return int(app(standalone_mode=False) or 0)
    except UsageError as error:
        return _fail(error.format_message(), BAD_INPUT)
    except AtelierError as error:
        bad_input = isinstance(error, RequestError | AccessError | SettingsError)
        return _fail(explain(error), BAD_INPUT if bad_input else FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _fail(sentence: str, status: int) -> int:
    typer.echo(sentence, err=True)
    return status


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.value, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    # Their warnings are about options that are ours to choose, or repeated at each picture.
    logging.getLogger("diffusers").setLevel(logging.ERROR)
