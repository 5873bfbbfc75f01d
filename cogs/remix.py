"""/remix and Apps > Remix: the next picture from a picture."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Atelier
from bot.core.requests import UNKNOWN_SOURCE, Aspect, RemixRequest, Source
from bot.core.strength import DEFAULT_STRENGTH
from bot.tree import defer
from cogs.ui.modals import REMIX, SourceModal
from cogs.ui.options import (
    ASPECTS,
    CountOption,
    GuidanceOption,
    ImageOption,
    PromptOption,
    SeedOption,
    StepsOption,
    StrengthOption,
    complete_model,
    complete_prompt,
    complete_source,
    described,
)
from cogs.ui.permissions import check_bot_permissions
from cogs.ui.progress import begin
from cogs.ui.sources import Asker, Sources


class Remix(commands.Cog):
    """The `/remix` command and the message command of the same name."""

    def __init__(self, bot: Atelier) -> None:
        self._sources = Sources(bot)

    @app_commands.command(name="remix")
    @app_commands.describe(
        **described(
            "strength", "prompt", "image", "source", "negative_prompt", "aspect", "count", "seed", "steps",
            "guidance", "model", "private",
        )
    )  # fmt: skip
    @app_commands.choices(aspect=ASPECTS)
    @app_commands.autocomplete(prompt=complete_prompt, model=complete_model, source=complete_source)
    async def remix(
        self,
        interaction: discord.Interaction[Atelier],
        strength: StrengthOption = DEFAULT_STRENGTH,
        prompt: PromptOption | None = None,
        image: ImageOption | None = None,
        source: str | None = None,
        negative_prompt: PromptOption = "",
        aspect: str | None = None,
        count: CountOption = 1,
        seed: SeedOption | None = None,
        steps: StepsOption | None = None,
        guidance: GuidanceOption | None = None,
        model: str | None = None,
        private: bool = False,
    ) -> None:
        """Make the next picture from one: yours, an attached one, or the latest here."""
        check_bot_permissions(interaction)

        def request(source_picture: Source) -> RemixRequest:
            return RemixRequest(
                source=source_picture,
                strength=strength,
                prompt=(source_picture.prompt or "") if prompt is None else prompt,
                negative_prompt=negative_prompt,
                aspect=Aspect(aspect) if aspect else None,
                count=count,
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

    async def remix_message(
        self, interaction: discord.Interaction[Atelier], message: discord.Message
    ) -> None:
        """Apps > Remix on any message: Discord hands the whole message over, whatever the intents."""
        check_bot_permissions(interaction)
        choices = await self._sources.choices(Asker.of(interaction), message)
        await interaction.response.send_modal(SourceModal(REMIX, self._sources, choices, message))


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    cog = Remix(bot)
    await bot.add_cog(cog)
    bot.tree.add_command(app_commands.ContextMenu(name="Remix", callback=cog.remix_message))
