"""Pictures without Discord: the same service and the same history, from the command line."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.core.errors import SyntaxProblemError
from bot.core.feed import Ticket
from bot.core.ids import looks_like_id, parse_generation_id
from bot.core.jobs import LOCAL_USER, Failed, Finished, Generation, Job, Origin
from bot.core.jobs import Progress as StepsDone
from bot.core.messages import tell_reading
from bot.core.requests import ImagineRequest, LadderRequest, RemixRequest, Source
from bot.core.strength import check_strength, parse_strengths
from bot.settings import Settings
from bot.wiring import Services, open_services, open_storage

NO_LIMIT = sys.maxsize


@dataclass(frozen=True, slots=True)
class Options:
    """What all commands that make pictures share."""

    seed: int | None
    steps: int | None
    guidance: float | None
    size: tuple[int, int] | None
    count: int
    negative: str
    model: str | None

    def fields(self) -> dict[str, Any]:
        """As keywords of a request."""
        return {
            "seed": self.seed,
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "size": self.size,
            "count": self.count,
            "negative_prompt": self.negative,
            "model": self.model,
        }


async def imagine(settings: Settings, prompt: str, options: Options, out: Path, *, as_json: bool) -> None:
    """Make pictures from words and write them to `out`."""
    check_out(out)
    request = ImagineRequest(prompt=prompt, **options.fields())
    async with open_services(settings, alone=False) as services:
        await _make(services, request, out, as_json=as_json)


async def remix(
    settings: Settings,
    start: str,
    prompt: str | None,
    strength: float,
    options: Options,
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Make pictures from a picture and write them to `out`."""
    check_out(out)
    check_strength(strength)
    async with open_services(settings, alone=False) as services:
        source = await _source(services, start)
        request = RemixRequest(
            source=source, prompt=_prompt(source, prompt), strength=strength, **options.fields()
        )
        await _make(services, request, out, as_json=as_json)


async def ladder(
    settings: Settings,
    start: str,
    prompt: str | None,
    strengths: str,
    options: Options,
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Make a ladder and write its sheet to `out`."""
    check_out(out)
    chosen = parse_strengths(strengths)
    async with open_services(settings, alone=False) as services:
        source = await _source(services, start)
        request = LadderRequest(
            source=source, prompt=_prompt(source, prompt), strengths=chosen, **options.fields()
        )
        ticket, generations = await _outcome(services, request)
        sheet = await services.gallery.sheet(ticket.job, generations, NO_LIMIT)
        _write(out, sheet.data)
        _tell([out], generations, as_json=as_json)
        _tell_reading(services, ticket.job)


async def history(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print the newest pictures of the command line."""
    found: list[Generation] = []
    async with open_storage(settings, alone=False) as storage:
        page = await storage.gallery.page(LOCAL_USER)
        found += page.generations
        while page.older and len(found) < limit:
            page = await storage.gallery.page(LOCAL_USER, page.older)
            found += page.generations
    found = found[:limit]
    if as_json:
        typer.echo(json.dumps({"pictures": [_facts(generation) for generation in found]}))
    for generation in () if as_json else found:
        recipe = generation.recipe
        how = "" if recipe.strength is None else f"  strength {recipe.strength:g}"
        typer.echo(f"{generation.id}  {recipe.model}  seed {recipe.seed}{how}  {recipe.prompt}")


def check_out(out: Path) -> None:
    """Whether pictures can be written there, asked before anything is made.

    Raises:
        SyntaxProblemError: not a .png in a folder that exists.
    """
    if out.suffix.lower() != ".png":
        raise SyntaxProblemError("--out", str(out), "a file name that ends in .png")
    if not out.parent.is_dir():
        raise SyntaxProblemError("--out", str(out), "a file in a folder that exists")


def numbered(out: Path, index: int) -> Path:
    """`a.png`, `a-2.png`, `a-3.png` ... for index 0, 1, 2 ..."""
    return out if index == 0 else out.with_stem(f"{out.stem}-{index + 1}")


async def _make(services: Services, request: ImagineRequest, out: Path, *, as_json: bool) -> None:
    ticket, generations = await _outcome(services, request)
    paths = [numbered(out, generation.index) for generation in generations]
    for path, generation in zip(paths, generations, strict=True):
        _write(path, (await services.gallery.file(generation, NO_LIMIT)).data)
    _tell(paths, generations, as_json=as_json)
    _tell_reading(services, ticket.job)


async def _outcome(services: Services, request: ImagineRequest) -> tuple[Ticket, tuple[Generation, ...]]:
    ticket = await services.generation.submit(request, Origin())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    on_terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not on_terminal) as bar:
        task = bar.add_task("picture", total=None)
        async for event in ticket.events():
            match event:
                case StepsDone(step=step, steps=steps, count=count):
                    what = "picture" if count == 1 else f"{count} pictures"
                    bar.update(task, description=what, total=steps, completed=step)
                case Failed(error=error):
                    raise error
                case Finished(generations=generations):
                    return ticket, generations
    raise KeyboardInterrupt  # cancelled: by nobody but Ctrl-C


async def _source(services: Services, start: str) -> Source:
    """A file, or else an id from the history."""
    data = await asyncio.to_thread(_read, Path(start))
    if data is not None:
        return await services.gallery.take_in(data)
    if not looks_like_id(start):
        raise SyntaxProblemError("IMAGE|ID", start, "a picture file, or an id from the history")
    return services.gallery.source_of(await services.gallery.get(parse_generation_id(start)))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise SyntaxProblemError(
            "IMAGE|ID", str(path), f"a file that can be read ({error.strerror})"
        ) from error


def _prompt(source: Source, prompt: str | None) -> str:
    return (source.prompt or "") if prompt is None else prompt


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SyntaxProblemError(
            "--out", str(path), f"a file that can be written ({error.strerror})"
        ) from error


def _tell(paths: list[Path], generations: tuple[Generation, ...], *, as_json: bool) -> None:
    if as_json:
        facts = {"paths": [str(path) for path in paths], "seed": generations[0].recipe.seed}
        typer.echo(json.dumps({**facts, "pictures": [_facts(generation) for generation in generations]}))
        return
    for path in paths:
        typer.echo(path)


def _tell_reading(services: Services, job: Job) -> None:
    """Beside the output proper, which programs read."""
    spec = services.generation.catalog.find(job.recipe.model)
    for sentence in tell_reading(job.recipe, spec, job.source):
        typer.echo(sentence, err=True)


def _facts(generation: Generation) -> dict[str, Any]:
    return {
        "id": generation.id,
        **asdict(generation.recipe),
        "steps_run": generation.steps_run,
        "seconds": round(generation.seconds, 3),
        "prompt_cut": generation.prompt_cut,
        "versions": generation.versions,
    }
