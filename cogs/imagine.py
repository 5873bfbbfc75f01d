"""/imagine: pictures from a prompt."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Atelier
from bot.core.requests import Aspect, ImagineRequest
from cogs.ui.options import (
    ASPECTS,
    CountOption,
    GuidanceOption,
    PromptOption,
    SeedOption,
    StepsOption,
    complete_model,
    complete_prompt,
    described,
)
from cogs.ui.permissions import check_bot_permissions
from cogs.ui.progress import begin


class Imagine(commands.Cog):
    """The `/imagine` command."""

    @app_commands.command(name="imagine")
    @app_commands.describe(
        **described(
            "prompt", "negative_prompt", "aspect", "count", "seed", "steps", "guidance", "model", "private"
        )
    )
    @app_commands.choices(aspect=ASPECTS)
    @app_commands.autocomplete(prompt=complete_prompt, model=complete_model)
    async def imagine(
        self,
        interaction: discord.Interaction[Atelier],
        prompt: PromptOption,
        negative_prompt: PromptOption = "",
        aspect: str | None = None,
        count: CountOption = 1,
        seed: SeedOption | None = None,
        steps: StepsOption | None = None,
        guidance: GuidanceOption | None = None,
        model: str | None = None,
        private: bool = False,
    ) -> None:
        """Make a picture from words."""
        check_bot_permissions(interaction)
        request = ImagineRequest(
            prompt=prompt,
            negative_prompt=negative_prompt,
            aspect=Aspect(aspect) if aspect else None,
            count=count,
            seed=seed,
            num_inference_steps=steps,
            guidance_scale=guidance,
            model=model,
        )
        await begin(interaction, request, private=private)


async def setup(bot: Atelier) -> None:
    """Called by discord.py when the extension is loaded."""
    await bot.add_cog(Imagine())
