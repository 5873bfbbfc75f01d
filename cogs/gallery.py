"""/history: one's own pictures, privately, a page at a time."""

import re
from typing import Any, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import Atelier
from bot.core.gallery import Page, PictureFile
from bot.core.ids import ALPHABET, ID_LENGTH, GenerationId
from bot.core.jobs import HistoryCursor
from bot.core.policy import Actor, check_use
from bot.tree import answered, defer, reply_error
from cogs.ui.card import shown_prompt
from cogs.ui.delivery import InteractionCard, as_files
from cogs.ui.showing import deliver_single

NEWEST = "newest"
_DOT = " \N{MIDDLE DOT} "
_ID = rf"[{ALPHABET}]{{{ID_LENGTH}}}"


class Gallery(commands.Cog):
    """The `/history` command."""

    @app_commands.command(name="history")
    async def history(self, interaction: discord.Interaction[Atelier]) -> None:
        """Look through your own pictures; only you see this."""
        await defer(interaction, private=True)
        await show_page(interaction, None)


async def show_page(interaction: discord.Interaction[Atelier], before: HistoryCursor | None) -> None:
    """Put a page of the user's history in place of the answer."""
    page = await interaction.client.gallery.page(interaction.user.id, before)
    thumbnails = [
        PictureFile(f"{g.id}.webp", await interaction.client.gallery.thumbnail(g.image_sha256), "WEBP")
        for g in page.generations
    ]
    await interaction.edit_original_response(
        view=page_view(page, newest=before is None), attachments=as_files(thumbnails)
    )
    answered(interaction)


def page_view(page: Page, *, newest: bool) -> ui.LayoutView:
    """A page as a view: a thumbnail, the prompt and the id of each picture, and where to go from here."""
    view = ui.LayoutView(timeout=None)
    container: ui.Container[Any] = ui.Container(ui.TextDisplay("### Your pictures"))
    view.add_item(container)
    if not page.generations:
        text = "Nothing here yet. `/imagine` makes the first one." if newest else "There are no older ones."
        container.add_item(ui.TextDisplay(text))
    for generation in page.generations:
        prompt = shown_prompt(generation.recipe.prompt, 120) or "*no prompt*"
        facts = [f"`{generation.id}`", generation.kind.value, f"<t:{int(generation.created_at)}:R>"]
        if generation.recipe.strength is not None:
            facts.insert(2, f"strength {generation.recipe.strength:g}")
        text = f"{prompt}\n-# {_DOT.join(facts)}"
        thumbnail: ui.Thumbnail[Any] = ui.Thumbnail(
            f"attachment://{generation.id}.webp", description=generation.recipe.prompt[:1024] or None
        )
        container.add_item(ui.Section(text, accessory=thumbnail))
    if page.generations:
        view.add_item(ui.ActionRow(OpenMenu(page)))
    steps = [] if newest else [PageButton(NEWEST, label="Newest")]
    if page.older:
        created_at, generation_id = page.older
        steps.append(PageButton(f"{created_at!r}-{generation_id}", label="Older"))
    if steps:
        view.add_item(ui.ActionRow(*steps))
    return view


class PageButton(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=rf"atelier:page:(?P<cursor>{NEWEST}|[0-9]+\.[0-9]+-{_ID})",
):
    """Turns to another page."""

    def __init__(self, cursor: str, *, label: str = "-") -> None:
        super().__init__(ui.Button(label=label, custom_id=f"atelier:page:{cursor}"))
        self.cursor = cursor

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from what Discord sends back."""
        return cls(match["cursor"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show that page instead of this one."""
        try:
            await interaction.response.defer()
            await show_page(interaction, _read_cursor(self.cursor))
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await reply_error(interaction, error)


class OpenMenu(ui.DynamicItem[ui.Select[ui.LayoutView]], template=r"atelier:open"):
    """Opens one picture as a card, from where it can be remixed or deleted."""

    def __init__(self, page: Page | None = None) -> None:
        options = [
            discord.SelectOption(
                label=g.id, value=g.id, description=" ".join(g.recipe.prompt.split())[:100] or None
            )
            for g in (page.generations if page else ())
        ]
        super().__init__(
            ui.Select(
                custom_id="atelier:open",
                placeholder="Open one \N{HORIZONTAL ELLIPSIS}",
                # A menu rebuilt from its custom id is never shown again; Discord wants one option.
                options=options or [discord.SelectOption(label="-")],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        """Rebuild the menu from what Discord sends back."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the chosen picture, privately."""
        try:
            await open_card(interaction, GenerationId(self.item.values[0]))
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await reply_error(interaction, error)


async def open_card(interaction: discord.Interaction[Atelier], generation_id: GenerationId) -> None:
    """Show one picture as a card that only its owner sees."""
    bot = interaction.client
    generation = await bot.gallery.get(generation_id)
    check_use(Actor(interaction.user.id), generation, readable=False)
    job = await bot.gallery.job(generation.job_id)
    await defer(interaction, private=True)
    await deliver_single(bot, job, [generation], InteractionCard(interaction))


def _read_cursor(cursor: str) -> HistoryCursor | None:
    if cursor == NEWEST:
        return None
    created_at, _, generation_id = cursor.partition("-")
    return float(created_at), GenerationId(generation_id)


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Gallery())
    bot.add_dynamic_items(PageButton, OpenMenu)
