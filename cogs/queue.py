"""/queue and /cancel: who is making what, and taking one's own back."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Atelier
from bot.core.errors import JobOverError, UnknownJobError
from bot.core.ids import JobId
from bot.core.jobs import Job, Queued
from bot.core.live import Standing
from bot.core.policy import Actor
from cogs.ui.card import seconds, shown_prompt, standing
from cogs.ui.options import MOST_CHOICES

ALL: Final = "all"
LINES_SHOWN: Final = 20
LENGTH: Final = 1900
"""Characters of Discord's 2,000."""
_PROMPT_SHOWN: Final = 60


class Queue(commands.Cog):
    """The `/queue` and `/cancel` commands. Their answers are private, and plain text."""

    @app_commands.command(name="queue")
    async def queue(self, interaction: discord.Interaction[Atelier]) -> None:
        """See what is being made and what waits; only you see this."""
        text = queue_text(interaction.client.generation.standings(), interaction.user.id)
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="cancel")
    @app_commands.describe(job="One of your jobs; left out: all of them.")
    async def cancel(self, interaction: discord.Interaction[Atelier], job: str = ALL) -> None:
        """Take back what you asked for, waiting or running."""
        generation, user_id = interaction.client.generation, interaction.user.id
        asked = [j.id for j in generation.jobs_of(user_id)] if job == ALL else [JobId(job.strip().upper())]
        cancelled = 0
        for job_id in asked:
            try:
                await generation.cancel(job_id, Actor(user_id))
            except (JobOverError, UnknownJobError):
                if job != ALL:
                    raise
            else:
                cancelled += 1
        await interaction.response.send_message(cancelled_text(cancelled), ephemeral=True)

    @cancel.autocomplete("job")
    async def complete_job(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        """One's own jobs that can still be taken back."""
        return job_choices(interaction.client.generation.jobs_of(interaction.user.id), current)


def queue_text(standings: Sequence[Standing], user_id: int) -> str:
    """The queue in words: one's own jobs by their prompts, other people's without."""
    if not standings:
        return "Nothing is being made, and nobody waits."
    running = sum(s.position == 0 for s in standings)
    lines = [f"**Running: {running}. Waiting: {len(standings) - running}.**"]
    # One's own are shown wherever they stand, other people's near the front.
    shown = [s for n, s in enumerate(standings) if n < LINES_SHOWN or s.job.origin.user_id == user_id]
    for s in shown:
        line = _line(s, user_id)
        if sum(map(len, lines)) + len(lines) + len(line) > LENGTH:
            break
        lines.append(line)
    if hidden := len(standings) - len(lines) + 1:
        lines.append(f"And {hidden} more.")
    return "\n".join(lines)


def _line(s: Standing, user_id: int) -> str:
    whose = "Somebody's"
    if s.job.origin.user_id == user_id:
        whose = f"Yours `{s.job.id}`: {shown_prompt(s.job.recipe.prompt, _PROMPT_SHOWN) or 'no prompt'},"
    if s.position:
        return f"{whose} {s.job.kind.value}, {standing(Queued(s.position, s.eta), drawn=False)}"
    if s.progress and s.progress.step:
        step = f"step {s.progress.step} of {s.progress.steps}"
        left = f", about {seconds(s.eta)} left" if s.eta is not None else ""
        return f"{whose} {s.job.kind.value}, running, {step}{left}"
    return f"{whose} {s.job.kind.value}, running"


def cancelled_text(count: int) -> str:
    """What became of `/cancel`."""
    match count:
        case 0:
            return "You have nothing on the way."
        case 1:
            return "Cancelled 1 job."
        case _:
            return f"Cancelled {count} jobs."


def job_choices(jobs: Sequence[Job], current: str) -> list[app_commands.Choice[str]]:
    """All of them, then each whose prompt or id has `current` in it."""
    part = current.casefold()
    found = [
        app_commands.Choice(name=f"{job.recipe.prompt or 'no prompt'} ({job.id})"[:100], value=str(job.id))
        for job in jobs
        if part in f"{job.recipe.prompt} {job.id}".casefold()
    ]
    everything = app_commands.Choice(name=f"All {len(jobs)} of them", value=ALL)
    return [*([everything] if len(jobs) > 1 and not part else []), *found][:MOST_CHOICES]


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Queue())
