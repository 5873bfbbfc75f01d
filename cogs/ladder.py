"""/ladder and Apps > Ladder: one picture at several strengths, side by side."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Atelier
from bot.core.requests import UNKNOWN_SOURCE, Aspect, LadderRequest, Source
from bot.core.strength import DEFAULT_LADDER, parse_strengths
from bot.tree import defer
from cogs.ui.modals import LADDER, SourceModal
from cogs.ui.options import (
    ASPECTS,
    GuidanceOption,
    ImageOption,
    PromptOption,
    SeedOption,
    StepsOption,
    complete_model,
    complete_prompt,
    complete_source,
    described,
)
from cogs.ui.permissions import check_bot_permissions
from cogs.ui.progress import begin
from cogs.ui.sources import Asker, Sources


class Ladder(commands.Cog):
    """The `/ladder` command and the message command of the same name."""

    def __init__(self, bot: Atelier) -> None:
        self._sources = Sources(bot)

    @app_commands.command(name="ladder")
    @app_commands.describe(
        **described(
            "prompt", "strengths", "image", "source", "negative_prompt", "aspect", "seed", "steps",
            "guidance", "model", "private",
        )
    )  # fmt: skip
    @app_commands.choices(aspect=ASPECTS)
    @app_commands.autocomplete(prompt=complete_prompt, model=complete_model, source=complete_source)
    async def ladder(
        self,
        interaction: discord.Interaction[Atelier],
        prompt: PromptOption | None = None,
        strengths: str | None = None,
        image: ImageOption | None = None,
        source: str | None = None,
        negative_prompt: PromptOption = "",
        aspect: str | None = None,
        seed: SeedOption | None = None,
        steps: StepsOption | None = None,
        guidance: GuidanceOption | None = None,
        model: str | None = None,
        private: bool = False,
    ) -> None:
        """See one picture remixed at several strengths, side by side."""
        check_bot_permissions(interaction)
        chosen = parse_strengths(strengths) if strengths else DEFAULT_LADDER

        def request(source_picture: Source) -> LadderRequest:
            return LadderRequest(
                source=source_picture,
                strengths=chosen,
                prompt=(source_picture.prompt or "") if prompt is None else prompt,
                negative_prompt=negative_prompt,
                aspect=Aspect(aspect) if aspect else None,
                seed=seed,
                num_inference_steps=steps,
                guidance_scale=guidance,
                model=model,
            )

        interaction.client.generation.check(
            request(UNKNOWN_SOURCE), interaction.user.id, interaction.guild_id
        )
        await defer(interaction, private=private)
        asker = Asker.of(interaction, private=private)
        found = await self._sources.find(asker, image=image, named=source)
        await begin(interaction, request(found), private=private)

    async def ladder_message(
        self, interaction: discord.Interaction[Atelier], message: discord.Message
    ) -> None:
        """Apps > Ladder on any message."""
        check_bot_permissions(interaction)
        choices = await self._sources.choices(Asker.of(interaction), message)
        await interaction.response.send_modal(SourceModal(LADDER, self._sources, choices, message))


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    cog = Ladder(bot)
    await bot.add_cog(cog)
    bot.tree.add_command(app_commands.ContextMenu(name="Ladder", callback=cog.ladder_message))
