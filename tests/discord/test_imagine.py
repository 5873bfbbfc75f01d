"""/imagine, as a member of a server sees it."""

import discord
import pytest

from bot.core.errors import DeviceMemoryError
from tests.discord.world import World, buttons_of, card, pictures_of, sentence, text_of


async def test_imagine_posts_a_card_with_the_picture_and_its_buttons(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a red apple", seed=7)

    assert buttons_of(card(result)) == ["Remix", "Again", "Ladder", "Details", "Delete"]
    assert len(pictures_of(card(result))) == 1
    assert "**a red apple**" in text_of(card(result))
    assert "seed 7" in text_of(card(result))


async def test_a_picture_has_alt_text_with_its_prompt(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a red apple", count=2)

    alts = [item["description"] for item in pictures_of(card(result))]

    assert alts == ["Picture 1 of 2: a red apple", "Picture 2 of 2: a red apple"]


async def test_every_option_reaches_the_engine(world: World) -> None:
    await world.ada.slash(
        world.channel,
        "imagine",
        prompt="a house",
        negative_prompt="rain",
        aspect="2:3",
        count=2,
        seed=4294967295,
        steps=3,
        guidance=2.5,
        model="tiny",
    )

    first, second = world.engine.recipes
    assert (first.prompt, first.negative_prompt) == ("a house", "rain")
    assert (first.width, first.height) == (104, 160)
    assert (first.seed, second.seed) == (4294967295, 0)
    assert (first.num_inference_steps, first.guidance_scale, first.model) == (3, 2.5, "tiny")


async def test_a_private_picture_is_seen_by_its_owner_only(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a secret", private=True)

    assert result.ephemeral
    assert world.channel.history(viewer=world.grace) == []


async def test_markdown_and_mentions_in_a_prompt_are_plain_text_and_ping_nobody(world: World) -> None:
    prompt = f"# @everyone {world.grace.mention} *bold* `code` https://example.org"

    result = await world.ada.slash(world.channel, "imagine", prompt=prompt)

    text = text_of(card(result))
    assert "@everyone" not in text
    assert "\\*bold\\*" in text
    assert text.startswith("**\\#")
    message = world.env.backend.get_message(world.channel.id, card(result).id)
    assert not message.mention_everyone
    assert message.ping_user_ids == []


async def test_a_long_prompt_is_clipped_on_the_card_and_whole_in_history(world: World) -> None:
    prompt = "apple " * 150

    result = await world.ada.slash(world.channel, "imagine", prompt=prompt.strip())

    assert len(text_of(card(result))) < 600
    [generation] = (await world.services.gallery.page(world.ada.id)).generations
    assert generation.recipe.prompt == prompt.strip()


async def test_a_blank_prompt_is_refused_privately(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="   ")

    assert sentence(result) == "The prompt is empty; say what the picture should show."
    assert world.engine.recipes == []


async def test_an_unknown_model_is_refused_with_the_known_ones(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a cat", model="dall-e")

    assert sentence(result) == "There is no model `dall-e` here; there is `tiny`."


async def test_models_are_completed_by_name(world: World) -> None:
    choices = await world.ada.autocomplete(world.channel, "imagine", "model", "ti", prompt="a cat")

    assert [choice["value"] for choice in choices] == ["tiny"]


async def test_what_the_engine_cannot_do_is_said_on_the_card_and_can_be_tried_again(world: World) -> None:
    world.engine.errors.append(DeviceMemoryError("tiny", 128, 128))

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "ran out of memory" in text_of(card(result))
    assert "a cat" in text_of(card(result))
    again = await world.ada.click(card(result), label="Again")
    assert len(pictures_of(card(again))) == 1


async def test_an_unforeseen_error_is_an_apology_with_a_reference_for_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.engine.errors.append(RuntimeError("the moon is in the wrong house"))

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "the operator finds the reason in the log" in text_of(card(result))
    assert "the moon is in the wrong house" in caplog.text


async def test_the_bot_names_the_permission_that_it_lacks(world: World) -> None:
    role = world.guild.default_role
    closed = world.guild.create_text_channel(
        "closed", overwrites={role: discord.PermissionOverwrite(attach_files=False)}
    )

    result = await world.ada.slash(closed, "imagine", prompt="a cat")

    assert sentence(result) == (
        f"I lack the permission Attach Files in <#{closed.id}>; an admin can grant that."
    )


async def test_imagine_works_in_direct_messages(world: World) -> None:
    result = await world.ada.user.slash("imagine", prompt="a cat")

    assert len(pictures_of(card(result))) == 1


@pytest.mark.parametrize(("rule", "spoilered"), [("never", False), ("unchecked", False), ("always", True)])
async def test_a_setting_says_which_pictures_are_spoilered(world: World, rule: str, spoilered: bool) -> None:
    world.bot.settings = world.settings.model_copy(update={"spoiler": rule})

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert [item["spoiler"] for item in pictures_of(card(result))] == [spoilered]
