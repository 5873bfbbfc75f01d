"""The form behind Remix and Ladder: prompt, strength(s), and which picture where there are several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.core.errors import SyntaxProblemError
from bot.core.jobs import Generation
from bot.core.requests import MAX_PROMPT, UNKNOWN_SOURCE, ImagineRequest, LadderRequest, RemixRequest, Source
from bot.core.strength import DEFAULT_LADDER, DEFAULT_STRENGTH, check_strength, parse_strengths
from bot.tree import defer, reply_error
from cogs.ui.progress import begin
from cogs.ui.sources import Choice, Sources

MOST_OPTIONS: Final = 25
"""Discord's limit for a menu."""
_OPTION_TEXT: Final = 100


@dataclass(frozen=True, slots=True)
class Form:
    """What sets the two forms apart: one text field, and what the filled-in form asks for."""

    title: str
    label: str
    hint: str
    default: str
    request: Callable[[Source, str, str], ImagineRequest]
    """From the source, the prompt, and the field's text; raises RequestError."""


def parse_strength(text: str) -> float:
    """Read one strength as a person types it: `0.6`, `.6` or `0,6`.

    Raises:
        SyntaxProblemError: not a number.
        OptionError: not above 0 and at most 1.
    """
    try:
        return check_strength(float(text.strip().replace(",", ".")))
    except ValueError as error:
        raise SyntaxProblemError("strength", text, "a number such as 0.6") from error


REMIX: Final = Form(
    title="Remix",
    label="Strength",
    hint="Near 0 keeps the picture, 1 starts afresh.",
    default=f"{DEFAULT_STRENGTH:g}",
    request=lambda source, prompt, text: RemixRequest(
        source=source, prompt=prompt, strength=parse_strength(text)
    ),
)
LADDER: Final = Form(
    title="Ladder",
    label="Strengths",
    hint="2 to 9 of them, such as 0.3 0.5 0.7.",
    default=" ".join(f"{strength:g}" for strength in DEFAULT_LADDER),
    request=lambda source, prompt, text: LadderRequest(
        source=source, prompt=prompt, strengths=parse_strengths(text)
    ),
)


class SourceModal(ui.Modal):
    """One of the forms, over one or several pictures."""

    def __init__(
        self, form: Form, sources: Sources, choices: Sequence[Choice], message: discord.Message | None
    ) -> None:
        """`message` shows the pictures. What only its reader sees is answered to that reader only."""
        super().__init__(title=form.title, timeout=15 * 60)
        self._form = form
        self._sources = sources
        self._choices = choices[:MOST_OPTIONS]
        self._private = message is not None and message.flags.ephemeral
        self._jump_url = None if message is None or self._private else message.jump_url
        first = choices[0]
        self._prompt: ui.TextInput[Any] = ui.TextInput(
            custom_id="prompt",
            style=discord.TextStyle.paragraph,
            default=(first.recipe.prompt or None) if isinstance(first, Generation) else None,
            required=False,
            max_length=MAX_PROMPT,
        )
        self._field: ui.TextInput[Any] = ui.TextInput(
            custom_id=form.label.lower(), default=form.default, max_length=100
        )
        self._which: ui.Select[Any] = ui.Select(
            custom_id="which",
            options=[
                discord.SelectOption(label=_label(choice, index), value=str(index), default=index == 0)
                for index, choice in enumerate(self._choices)
            ],
        )
        hint = "Empty: the picture's own, if it is known."
        self.add_item(ui.Label(text="Prompt", description=hint, component=self._prompt))
        self.add_item(ui.Label(text=form.label, description=form.hint, component=self._field))
        if len(choices) > 1:
            self.add_item(ui.Label(text="Which picture", component=self._which))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Take the picture in, and go."""
        checked = self._form.request(UNKNOWN_SOURCE, self._prompt.value, self._field.value)
        interaction.client.generation.check(checked, interaction.user.id, interaction.guild_id)
        await defer(interaction, private=self._private)
        chosen = self._which.values
        source = await self._sources.take(self._choices[int(chosen[0]) if chosen else 0], self._jump_url)
        prompt = self._prompt.value.strip() or source.prompt or ""
        request = self._form.request(source, prompt, self._field.value)
        await begin(interaction, request, private=self._private)

    async def on_error(  # type: ignore[override] # a modal has no item, as discord.py's Modal itself declares
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """What went wrong, as a sentence."""
        await reply_error(interaction, error)


def _label(choice: Choice, index: int) -> str:
    if isinstance(choice, Generation):
        strength = "" if choice.recipe.strength is None else f", strength {choice.recipe.strength:g}"
        return f"Picture {choice.index + 1}{strength} ({choice.id})"[:_OPTION_TEXT]
    return f"Picture {index + 1}: {choice.name}"[:_OPTION_TEXT]
