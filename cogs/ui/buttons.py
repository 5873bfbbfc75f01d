"""The buttons and the menu on a card. Their custom ids say everything, so they outlive a restart."""

import re
from typing import Any, Final, Protocol, Self

import discord
from discord import ui

from bot.core.jobs import Generation
from bot.tree import reply_error
from cogs.ui.target import TARGET_PATTERN, Action, Target

_LABELS: Final[dict[Action, tuple[str, str, discord.ButtonStyle]]] = {
    Action.REMIX: ("Remix", "\N{ARTIST PALETTE}", discord.ButtonStyle.primary),
    Action.AGAIN: ("Again", "\N{GAME DIE}", discord.ButtonStyle.secondary),
    Action.LADDER: ("Ladder", "\N{LADDER}", discord.ButtonStyle.secondary),
    Action.DETAILS: ("Details", "\N{RIGHT-POINTING MAGNIFYING GLASS}", discord.ButtonStyle.secondary),
    Action.CANCEL: ("Cancel", "\N{CROSS MARK}", discord.ButtonStyle.secondary),
    Action.DELETE: ("Delete", "\N{WASTEBASKET}\N{VARIATION SELECTOR-16}", discord.ButtonStyle.secondary),
}


class Presses(Protocol):
    """Who answers the buttons: the `Cards` cog."""

    async def press(self, interaction: discord.Interaction[Any], action: Action, target: Target) -> None: ...

    async def pick(self, interaction: discord.Interaction[Any], target: Target) -> None: ...


def _answering_cog(interaction: discord.Interaction[Any]) -> Presses:
    cog: Presses = interaction.client.get_cog("Cards")
    return cog


class CardButton(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=rf"atelier:(?P<action>{'|'.join(Action)}):{TARGET_PATTERN}",
):
    """One action on one card."""

    def __init__(self, action: Action, target: Target) -> None:
        label, emoji, style = _LABELS[action]
        super().__init__(
            ui.Button(label=label, emoji=emoji, style=style, custom_id=f"atelier:{action}:{target}")
        )
        self.action = action
        self.target = target

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from what Discord sends back."""
        return cls(Action(match["action"]), Target.from_match(match))

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Buttons answer only where commands do."""
        return await interaction.client.tree.interaction_check(interaction)  # type: ignore[no-any-return] # client is Any

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand over to the cog; discord.py would only log an error here, so it is answered at once."""
        try:
            await _answering_cog(interaction).press(interaction, self.action, self.target)
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await reply_error(interaction, error)


class PickMenu(ui.DynamicItem[ui.Select[ui.LayoutView]], template=rf"atelier:pick:{TARGET_PATTERN}"):
    """On a ladder: take one tile as a picture of its own."""

    def __init__(self, target: Target, tiles: tuple[Generation, ...] = ()) -> None:
        options = [
            discord.SelectOption(
                label=f"Strength {tile.recipe.strength:g}",
                value=str(tile.index),
                description=f"{tile.steps_run} of {tile.recipe.num_inference_steps} steps",
            )
            for tile in tiles
        ]
        super().__init__(
            ui.Select(
                custom_id=f"atelier:pick:{target}",
                placeholder="Use this one \N{HORIZONTAL ELLIPSIS}",
                # A menu rebuilt from its custom id is never shown again; Discord wants one option.
                options=options or [discord.SelectOption(label="-")],
            )
        )
        self.target = target

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the menu from what Discord sends back."""
        return cls(Target.from_match(match))

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Menus answer only where commands do."""
        return await interaction.client.tree.interaction_check(interaction)  # type: ignore[no-any-return] # client is Any

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the chosen tile over to the cog."""
        try:
            chosen = Target(self.target.job_id, int(self.item.values[0]))
            await _answering_cog(interaction).pick(interaction, chosen)
        except Exception as error:  # noqa: BLE001 - every error becomes a sentence
            await reply_error(interaction, error)
