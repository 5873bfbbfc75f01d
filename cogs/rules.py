"""/queue-rules: what a server's admins decide about the queue for their members."""

from dataclasses import replace
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Atelier
from bot.core.rules import HIGHEST_BOOST, HIGHEST_CAP, LOWEST_BOOST, QueueRules

LENGTH: Final = 1900
Cap = app_commands.Range[int, 0, HIGHEST_CAP]
Boost = app_commands.Range[float, LOWEST_BOOST, HIGHEST_BOOST]


class Rules(commands.Cog):
    """The `/queue-rules` command, for those who manage the server (who may give it to others there)."""

    @app_commands.command(name="queue-rules")
    @app_commands.describe(
        waiting="Jobs that a member may have on the way; 0: as the operator set it.",
        running="Jobs of a member that may run at once; 0: as the operator set it.",
        boost_role="A role whose members get a larger share of the device.",
        boost="How much larger: 1 to 4 times; 1 takes the boost away.",
    )
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_guild=True)
    async def queue_rules(
        self,
        interaction: discord.Interaction[Atelier],
        waiting: Cap | None = None,
        running: Cap | None = None,
        boost_role: discord.Role | None = None,
        boost: Boost = 2.0,
    ) -> None:
        """See or change this server's rules for the queue."""
        book = interaction.client.generation.rules
        guild_id = interaction.guild_id or 0
        old = book.of(guild_id)
        rules = old
        if waiting is not None:
            rules = replace(rules, limit_per_user=waiting or None)
        if running is not None:
            rules = replace(rules, running_per_user=running or None)
        if boost_role is not None:
            rules = rules.boosted(boost_role.id, boost)
        if rules != old:
            await book.set(guild_id, rules)
        settings = interaction.client.settings
        text = rules_text(rules, settings.queue_limit_per_user, settings.running_limit_per_user)
        await interaction.response.send_message(text, ephemeral=True)


def rules_text(rules: QueueRules, on_the_way: int, running: int) -> str:
    """The rules in force, where the operator allows `on_the_way` and `running`."""
    allowed = min(rules.limit_per_user or on_the_way, on_the_way)
    at_once = min(rules.running_per_user or running, running)
    lines = [f"A member may have {allowed} jobs on the way, {at_once} of them running."]
    lines += [f"<@&{role}>: {boost:g} times the share." for role, boost in sorted(rules.boosts.items())]
    while sum(map(len, lines)) + len(lines) > LENGTH:  # Discord takes 2,000 characters
        lines.pop()
    if not rules.boosts:
        lines.append("No role has a boost.")
    return "\n".join(lines)


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Rules())
