"""What a card and its Details tell besides the picture."""

from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.core.catalog import Catalog
from tests.discord.test_mentions import me
from tests.discord.world import World, buttons_of, card, menu, pictures_of, png, sentence, text_of, until


async def test_a_prompt_that_the_tokenizer_cut_is_told(world: World) -> None:
    world.engine.prompt_cut = "and a very small dog"

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat and a very small dog")

    assert "did not read the end of the prompt: \N{HORIZONTAL ELLIPSIS} and a very small dog" in text_of(
        card(result)
    )


async def test_a_picture_made_smaller_is_told_with_the_size_that_was_asked_for(world: World) -> None:
    world.engine.shrink_to = (96, 96)

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "Made smaller than 128\N{MULTIPLICATION SIGN}128: memory ran out once." in text_of(card(result))
    assert "96\N{MULTIPLICATION SIGN}96" in text_of(card(result))


async def test_a_negative_prompt_without_effect_is_told(world: World) -> None:
    result = await world.ada.slash(
        world.channel, "imagine", prompt="a cat", negative_prompt="a dog", guidance=1.0
    )

    assert "The negative prompt has no effect at guidance 1 or less." in text_of(card(result))


async def test_details_of_a_remix_name_strength_source_and_the_command(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    remixed = await world.ada.slash(world.channel, "remix", strength=0.5, prompt="a `dog`", seed=9)

    details = await world.grace.click(card(remixed), label="Details")

    text = text_of(card(details))
    assert "**Steps** 12, of which 6 ran" in text
    assert "**Strength** 0.5" in text
    source = world.engine.recipes[-1].source_sha256
    assert source is not None
    assert source in text
    assert "/remix prompt:a 'dog' strength:0.5 source:" in text
    assert text_of(card(made)) != text


async def test_details_hold_the_longest_prompts_whole_within_discords_limit(world: World) -> None:
    prompt, negative = "*" * 1000, "_" * 1000
    made = await world.ada.slash(
        world.channel, "imagine", prompt=prompt, negative_prompt=negative, aspect="16:9", seed=7
    )

    text = text_of(card(await world.ada.click(card(made), label="Details")))

    assert f"prompt:{prompt} negative_prompt:{negative} aspect:16:9 seed:7 steps:12" in text
    assert len(text) <= 4000


async def test_details_of_a_ladder_name_every_strength(world: World) -> None:
    made = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))

    details = await world.ada.click(card(made), label="Details")

    assert "**Strength** 0.3, 0.5, 0.7" in text_of(card(details))


async def test_details_of_a_failed_job_name_the_reason(world: World) -> None:
    world.engine.errors.append(RuntimeError("boom"))
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    details = await world.ada.click(card(made), label="Details")

    assert "**Failed** `tiny` failed on this" in text_of(card(details))


async def test_details_name_the_revision_of_the_model(world: World) -> None:
    rename(world, revision="abc123")

    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    details = await world.ada.click(card(made), label="Details")

    assert "**Model** tiny (revision `abc123`)" in text_of(card(details))


async def test_a_model_that_left_the_catalogue_is_spoilered_and_cannot_be_asked_again(world: World) -> None:
    made = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))
    rename(world, name="other")

    picked = await world.ada.select(card(made), ["0"], custom_id=menu(card(made))["custom_id"])
    again = await world.ada.click(card(made), label="Again")

    assert [item["spoiler"] for item in pictures_of(card(picked))] == [True]
    assert sentence(again) == "There is no model `tiny` here; there is `other`."


async def test_a_mention_where_the_bot_may_not_attach_files_names_the_permission(world: World) -> None:
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={world.guild.default_role: discord.PermissionOverwrite(attach_files=False)},
    )

    await world.ada.send(closed, f"{me(world)} imagine a cat")

    assert closed.last_message is not None
    assert closed.last_message.content == (
        f"I lack the permission Attach Files in <#{closed.id}>; an admin can grant that."
    )


async def test_a_mention_in_a_thread_is_answered_there(world: World) -> None:
    posted = await world.ada.send(world.channel, "let us talk")
    thread = await posted.create_thread(name="pictures")
    handle = next(t for t in world.channel.threads if t.id == thread.id)

    await world.ada.send(handle, f"{me(world)} imagine a cat")

    assert len(world.engine.recipes) == 1


async def test_a_mention_with_two_pictures_attached_asks_for_one(world: World) -> None:
    files = [("a.png", png()), ("b.png", png())]

    await world.ada.send(world.channel, f"{me(world)} remix x", attachments=files)

    assert world.channel.last_message is not None
    assert world.channel.last_message.content.startswith("That message has 2 pictures")


async def test_a_link_in_a_mention_to_a_message_that_was_deleted_says_so(world: World) -> None:
    posted = await world.grace.send(world.channel, "look", attachments=[("a.png", png())])
    await world.grace.delete(posted)

    await world.ada.send(world.channel, f"{me(world)} remix source:{posted.jump_url} x")

    assert world.channel.last_message is not None
    assert world.channel.last_message.content == "That message is gone, or it has no picture."


@pytest.mark.live
async def test_the_place_in_line_and_the_time_are_told_once_they_are_known(world: World) -> None:
    first = await world.ada.slash(world.channel, "imagine", prompt="warm up")
    await until(lambda: bool(pictures_of(card(first))))
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="one")
    await world.ada.slash(world.channel, "imagine", prompt="two")

    third = await world.grace.slash(world.channel, "imagine", prompt="three")
    await world.grace.slash(world.channel, "imagine", prompt="four")

    assert "Next in line, about 1 s" in text_of(card(third))
    assert buttons_of(card(third)) == ["Cancel"]


def rename(world: World, **changes: Any) -> None:
    """Change the one model of the catalogue."""
    model = replace(world.services.generation.catalog.get(), **changes)
    world.services.generation.catalog = Catalog((model,), model.name)
