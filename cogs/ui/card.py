"""The card: how a job looks on Discord. Pure: core types in, a Components V2 view out."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui
from discord.utils import escape_markdown, escape_mentions

from bot.core.catalog import ModelSpec
from bot.core.gallery import PictureFile
from bot.core.jobs import Generation, Job, Progress, Queued
from bot.core.messages import tell_reading
from bot.core.requests import Kind
from cogs.ui.buttons import CardButton, PickMenu
from cogs.ui.target import Action, Target

SOURCE_FILE: Final = "source.webp"
PROMPT_SHOWN: Final = 300
ALT_LIMIT: Final = 1024
"""Discord's limit for a media item's description."""
_WAITS_SHOWN_FROM: Final = 1.0
"""Seconds."""
_TENTHS_BELOW: Final = 0.95
_SECONDS_BELOW: Final = 99.5
_ACCENT: Final = discord.Colour(0x7C5CFF)
_BAR: Final = 12
FORMING: Final = "The picture as it forms"

FINISHED: Final = (Action.REMIX, Action.AGAIN, Action.LADDER, Action.DETAILS, Action.DELETE)


def shown_prompt(prompt: str, limit: int = PROMPT_SHOWN) -> str:
    """A prompt as text on a card: one line, clipped, no markdown, no mention."""
    line = " ".join(prompt.split())
    clipped = line if len(line) <= limit else line[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
    # `escape_markdown` leaves line starts alone; a prompt such as "# house" must not become a title.
    escaped = escape_mentions(escape_markdown(clipped))
    return f"\\{escaped}" if escaped.startswith(("#", "-", "+")) else escaped


def progress_card(
    job: Job, event: Queued | Progress, forming: Sequence[PictureFile] = (), *, spoiler: bool = False
) -> ui.LayoutView:
    """A job on its way: where it stands, what it looks like so far, and a way to call it off.

    Args:
        forming: the pictures as they form; shown by their names.
    """
    container = _container(job, None)
    if forming:
        container.add_item(
            ui.MediaGallery(
                *(
                    discord.MediaGalleryItem(f"attachment://{f.name}", description=FORMING, spoiler=spoiler)
                    for f in forming
                )
            )
        )
    container.add_item(ui.TextDisplay(standing(event)))
    return _view(container, _row(Target(job.id), (Action.CANCEL,)))


def suspended_card(job: Job, sentence: str) -> ui.LayoutView:
    """A job that the bot comes back to by itself."""
    container = _container(job, None)
    container.add_item(ui.TextDisplay(f"\N{HOURGLASS WITH FLOWING SAND} {sentence}"))
    return _view(container, _row(Target(job.id), (Action.CANCEL,)))


def ended_card(job: Job, sentence: str) -> ui.LayoutView:
    """A job that made nothing: why, and a way to try again."""
    container = _container(job, None)
    container.add_item(ui.TextDisplay(sentence))
    return _view(container, _row(Target(job.id), (Action.AGAIN, Action.DETAILS)))


def finished_card(
    job: Job,
    generations: Sequence[Generation],
    files: Sequence[PictureFile],
    spec: ModelSpec | None,
    *,
    spoiler: bool,
    with_source: bool,
    single: bool = False,
) -> ui.LayoutView:
    """A job's pictures, or with `single` one of them on a card of its own.

    Args:
        files: one per picture, or the one sheet of a ladder; shown by their names.
        spec: the model, None when it has left the catalogue.
        with_source: whether `SOURCE_FILE` is attached, to be shown as a thumbnail.
    """
    ladder = job.kind is Kind.LADDER and not single
    container = _container(job, SOURCE_FILE if with_source else None, spoiler=spoiler)
    alts = (
        [sheet_alt(job, generations)] if ladder else [picture_alt(g, len(generations)) for g in generations]
    )
    container.add_item(
        ui.MediaGallery(
            *(
                discord.MediaGalleryItem(f"attachment://{file.name}", description=alt, spoiler=spoiler)
                for file, alt in zip(files, alts, strict=True)
            )
        )
    )
    lines = [
        parameter_line(job, generations, ladder=ladder, single=single),
        *notes(job, generations, files, spec),
    ]
    container.add_item(ui.TextDisplay("\n".join(f"-# {line}" for line in lines)))
    target = Target(job.id, generations[0].index if single else None)
    view = _view(container)
    if ladder:
        view.add_item(ui.ActionRow(PickMenu(target, tuple(generations))))
    view.add_item(_row(target, FINISHED))
    return view


def parameter_line(job: Job, generations: Sequence[Generation], *, ladder: bool, single: bool = False) -> str:
    """The quiet line: what made this, and the ids."""
    first = generations[0]
    recipe = first.recipe
    parts = [
        f"<@{job.origin.user_id}>",
        recipe.model,
        f"{recipe.width}\N{MULTIPLICATION SIGN}{recipe.height}",
    ]
    if ladder:
        parts.append("strengths " + " ".join(f"{g.recipe.strength:g}" for g in generations))
    elif recipe.strength is None:
        parts.append(f"{first.steps_run} steps")
    else:
        parts.append(f"strength {recipe.strength:g}")
        parts.append(f"{first.steps_run} of {recipe.num_inference_steps} steps")
    parts.append(f"guidance {recipe.guidance_scale:g}")
    last = generations[-1].recipe.seed
    parts.append(f"seed {recipe.seed}" if last == recipe.seed else f"seeds {recipe.seed} to {last}")
    if not single and job.started_at is not None and job.finished_at is not None:
        waited, ran = job.started_at - job.created_at, job.finished_at - job.started_at
        said = f"waited {seconds(waited)}, " if waited >= _WAITS_SHOWN_FROM else ""
        parts.append(f"{said}ran {seconds(ran)}")
    if not ladder:
        parts.append(" ".join(f"`{g.id}`" for g in generations))
    return " \N{MIDDLE DOT} ".join(parts)


def notes(
    job: Job, generations: Sequence[Generation], files: Sequence[PictureFile], spec: ModelSpec | None
) -> list[str]:
    """What the reader must know beside the parameters, a sentence each."""
    first = generations[0]
    said: list[str] = []
    if first.shrunk_from:
        width, height = first.shrunk_from
        said.append(f"Made smaller than {width}\N{MULTIPLICATION SIGN}{height}: memory ran out once.")
    if first.prompt_cut:
        unread = shown_prompt(first.prompt_cut, 60)
        said.append(f"The model did not read the end of the prompt: \N{HORIZONTAL ELLIPSIS} {unread}")
    if first.recipe.negative_prompt and first.recipe.guidance_scale <= 1:
        said.append("The negative prompt has no effect at guidance 1 or less.")
    said += tell_reading(first.recipe, spec, job.source)
    if job.source and not first.recipe.given_prompt:
        said.append("Remixed without a prompt: the source's own is not known.")
    if any(file.format == "WEBP" for file in files):
        said.append("Sent as WebP: the PNG was over this place's upload limit.")
    return said


def picture_alt(generation: Generation, count: int) -> str:
    """Alt text of one picture."""
    number = f"Picture {generation.index + 1} of {count}: " if count > 1 else ""
    prompt = generation.recipe.given_prompt or "a picture without a prompt"
    how = f", a remix at strength {generation.recipe.strength:g}" if generation.recipe.is_remix else ""
    return _clip(f"{number}{prompt}{how}", ALT_LIMIT)


def sheet_alt(job: Job, generations: Sequence[Generation]) -> str:
    """Alt text of a ladder's sheet: says every strength."""
    strengths = ", ".join(f"{g.recipe.strength:g}" for g in generations)
    prompt = job.recipe.given_prompt or "no prompt"
    return _clip(f"The original, then remixes of it at strengths {strengths}: {prompt}", ALT_LIMIT)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _title(job: Job) -> str:
    prompt = f"**{shown_prompt(job.recipe.prompt)}**" if job.recipe.prompt else "*no prompt*"
    if job.source is None:
        return prompt
    verb = "Ladder" if job.kind is Kind.LADDER else "Remix"
    where = f"[this picture]({job.source.jump_url})" if job.source.jump_url else "this picture"
    whence = f" `{job.source.parent_id}`" if job.source.parent_id else ""
    return f"{prompt}\n-# {verb} of {where}{whence}"


def _container(job: Job, source_file: str | None, *, spoiler: bool = False) -> ui.Container[Any]:
    title: ui.TextDisplay[Any] = ui.TextDisplay(_title(job))
    if source_file is None:
        return ui.Container(title, accent_colour=_ACCENT)
    thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(
        f"attachment://{source_file}", description="The picture that this was made from", spoiler=spoiler
    )
    return ui.Container(ui.Section(title, accessory=thumbnail), accent_colour=_ACCENT)


def standing(event: Queued | Progress, *, drawn: bool = True) -> str:
    """Where a job stands, in words; with `drawn`, also as an hourglass or a bar."""
    match event:
        case Queued(stopping=True):
            glass = "\N{HOURGLASS WITH FLOWING SAND} " if drawn else ""
            return f"{glass}Waits for the bot, which is restarting"
        case Queued(position=position, eta=eta):
            glass = "\N{HOURGLASS WITH FLOWING SAND} " if drawn else ""
            place = "Next" if position == 1 else ordinal(position)
            about = "" if eta is None else f", about {seconds(max(1.0, eta))}"
            return f"{glass}{place} in line{about}"
        case Progress(step=0):
            return f"{_bar(0)} starting" if drawn else "starting"
        case Progress(step=step, steps=steps, denoised=denoised, count=count, seconds=ran):
            bar = f"{_bar(step / steps)} " if drawn else ""
            which = f", {denoised} of {count} pictures" if count > 1 else ""
            # Pictures take their steps in turns, so the pace so far says most about the rest.
            left = (
                f", about {seconds(max(1.0, ran * (steps - step) / step))} left" if 0 < step < steps else ""
            )
            return f"{bar}step {step} of {steps}{which}, {seconds(ran)}{left}"


def _bar(share: float) -> str:
    done = round(_BAR * share)
    return "\N{BLACK PARALLELOGRAM}" * done + "\N{WHITE PARALLELOGRAM}" * (_BAR - done)


def seconds(duration: float) -> str:
    """A duration as people say it: `0.4 s`, `12 s`, `3 min`."""
    if duration < _TENTHS_BELOW:
        return f"{duration:.1f} s"
    if duration < _SECONDS_BELOW:
        return f"{duration:.0f} s"
    return f"{duration / 60:.0f} min"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th` ... `11th` ... `21st`."""
    tens, ones = divmod(number % 100, 10)
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(ones, "th") if tens != 1 else "th"
    return f"{number}{suffix}"


def _row(target: Target, actions: Sequence[Action]) -> ui.ActionRow[Any]:
    return ui.ActionRow(*(CardButton(action, target) for action in actions))


def _view(*items: ui.Item[Any]) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    return view
