"""All the doors to a remix, and who may pass."""

import re

import discord
import pytest

from tests.discord.world import (
    THUMBNAIL,
    World,
    buttons_of,
    card,
    components,
    menu_values,
    pictures_of,
    png,
    prompt_of,
    sentence,
    text_of,
)

ID = re.compile(r"`([0-9A-HJKMNP-TV-Z]{8})`")


async def test_remix_of_an_attachment_shows_its_source_and_runs_part_of_the_steps(world: World) -> None:
    result = await world.ada.slash(
        world.channel, "remix", image=("house.png", png()), prompt="a neon house", strength=0.5
    )

    [recipe] = world.engine.recipes
    assert (recipe.strength, recipe.num_inference_steps) == (0.5, 12)
    assert world.engine.sources[0] is not None
    assert "6 of 12 steps" in text_of(card(result))
    assert [c for c in components(card(result)) if c.get("type") == THUMBNAIL]


async def test_strength_is_six_tenths_when_left_out(world: World) -> None:
    await world.ada.slash(world.channel, "remix", image=("a.png", png()), prompt="x")

    assert world.engine.recipes[0].strength == 0.6


async def test_a_bare_remix_takes_the_users_own_latest_picture_here_and_its_prompt(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    await world.grace.slash(world.channel, "imagine", prompt="a green pear")

    result = await world.ada.slash(world.channel, "remix")

    assert world.engine.recipes[-1].prompt == "a red apple"
    assert "[this picture](https://discord.com/channels/" in text_of(card(result))


async def test_a_bare_remix_takes_the_channels_latest_picture_when_there_is_no_own_one(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    await world.ada.send(world.channel, "nice")

    await world.grace.slash(world.channel, "remix", strength=0.3)

    assert world.engine.recipes[-1].prompt == "a red apple"


async def test_a_bare_remix_with_nothing_to_start_from_says_how_to_give_a_picture(world: World) -> None:
    result = await world.ada.slash(world.channel, "remix")

    assert sentence(result).startswith("There is no picture to start from: attach one")


async def test_a_picture_is_named_by_its_id(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    await world.ada.slash(world.channel, "imagine", prompt="a green pear")
    [generation_id] = ID.findall(text_of(card(made)))

    await world.ada.slash(world.channel, "remix", source=generation_id.lower())

    assert world.engine.recipes[-1].prompt == "a red apple"


async def test_own_pictures_are_completed_by_prompt(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    await world.grace.slash(world.channel, "imagine", prompt="a red pear")

    choices = await world.ada.autocomplete(world.channel, "remix", "source", "red")

    assert [choice["name"].partition(" \N{MIDDLE DOT} ")[2] for choice in choices] == ["a red apple"]


async def test_a_picture_is_named_by_a_link_to_its_message(world: World) -> None:
    posted = await world.grace.send(world.channel, "look", attachments=[("cat.png", png("blue"))])

    await world.ada.slash(world.channel, "remix", source=posted.jump_url, prompt="a dog")

    source = world.engine.sources[-1]
    assert source is not None
    assert source.rgb[:3] == b"\x00\x00\xff"


async def test_a_link_to_a_channel_that_the_user_cannot_read_is_refused(world: World) -> None:
    hidden = world.guild.create_text_channel(
        "hidden",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.grace: discord.PermissionOverwrite(view_channel=True),
        },
    )
    posted = await world.grace.send(hidden, attachments=[("cat.png", png())])

    result = await world.ada.slash(world.channel, "remix", source=posted.jump_url)

    assert sentence(result) == "That picture is in a place that you cannot read, so it cannot be used."


async def test_an_id_of_another_users_private_picture_is_refused(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="a secret", private=True)
    [generation_id] = ID.findall(text_of(card(made)))

    result = await world.ada.slash(world.channel, "remix", source=generation_id)

    assert sentence(result) == "Only its owner may use this picture."


async def test_an_id_of_another_users_posted_picture_may_be_used(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="for all")
    [generation_id] = ID.findall(text_of(card(made)))

    await world.ada.slash(world.channel, "remix", source=generation_id)

    assert world.engine.recipes[-1].prompt == "for all"


async def test_a_source_that_was_deleted_is_said_to_be_gone(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")
    [generation_id] = ID.findall(text_of(card(made)))
    await world.ada.click(card(made), label="Delete")

    result = await world.ada.slash(world.channel, "remix", source=generation_id)

    assert sentence(result) == f"The generation {generation_id} is no longer there."


@pytest.mark.parametrize("name", ["a red apple", "1234567U", "https://example.org/cat.png"])
async def test_a_source_that_names_nothing_is_refused(world: World, name: str) -> None:
    result = await world.ada.slash(world.channel, "remix", source=name)

    assert "names no picture" in sentence(result)


async def test_a_link_to_a_message_that_is_gone_is_said_to_be_gone(world: World) -> None:
    posted = await world.ada.send(world.channel, attachments=[("cat.png", png())])
    await world.ada.delete(posted)

    result = await world.ada.slash(world.channel, "remix", source=posted.jump_url)

    assert sentence(result) == "That message is gone, or it has no picture."


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("cat.png", b"MZ\x90\x00 an executable", "That file is not a picture; PNG, JPEG, WebP"),
        ("cat.png", png()[:-40], "That picture cannot be read; the file is damaged or cut off."),
        ("cat.png", png(size=(30_000, 16)), "That picture is 30,000 pixels long; a side may have 16,384."),
        ("cat.png", b"", "That file is empty."),
    ],
)
async def test_a_bad_picture_is_refused_with_its_reason(
    world: World, name: str, data: bytes, expected: str
) -> None:
    result = await world.ada.slash(world.channel, "remix", image=(name, data), prompt="x")

    assert sentence(result).startswith(expected)
    assert world.engine.recipes == []


async def test_a_remix_without_any_known_prompt_says_so(world: World) -> None:
    result = await world.ada.slash(world.channel, "remix", image=("a.png", png()))

    assert world.engine.recipes[0].prompt == ""
    assert "Remixed without a prompt" in text_of(card(result))


async def test_aspect_crops_the_source_at_its_centre(world: World) -> None:
    await world.ada.slash(
        world.channel, "remix", image=("a.png", png(size=(64, 64))), prompt="x", aspect="16:9"
    )

    source = world.engine.sources[0]
    assert source is not None
    assert (source.width, source.height) == (168, 96)


async def test_without_aspect_the_sources_shape_stays(world: World) -> None:
    await world.ada.slash(world.channel, "remix", image=("a.png", png(size=(300, 100))), prompt="x")

    recipe = world.engine.recipes[0]
    assert recipe.width / recipe.height == pytest.approx(3, rel=0.1)


async def test_apps_remix_asks_for_prompt_and_strength(world: World) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png("blue"))])

    form = await world.ada.context_menu(world.channel, "Remix", posted)
    result = await world.ada.submit_modal(form, {"prompt": "a neon cat", "strength": "0,3"})

    assert world.engine.recipes[-1].strength == 0.3
    assert len(pictures_of(card(result))) == 1
    assert posted.jump_url in text_of(card(result))


async def test_apps_remix_on_two_pictures_asks_which(world: World) -> None:
    files = [("red.png", png("red")), ("blue.png", png("blue"))]
    posted = await world.grace.send(world.channel, attachments=files)

    form = await world.ada.context_menu(world.channel, "Remix", posted)
    assert menu_values(form) == ["0", "1"]
    await world.ada.submit_modal(form, {"prompt": "x", "strength": "0.5", "which": ["1"]})

    source = world.engine.sources[-1]
    assert source is not None
    assert source.rgb[:3] == b"\x00\x00\xff"


async def test_apps_remix_on_a_card_starts_from_its_prompt(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="a red apple")

    form = await world.ada.context_menu(world.channel, "Remix", card(made).message)

    assert prompt_of(form) == "a red apple"


async def test_apps_remix_on_a_message_without_a_picture_says_so(world: World) -> None:
    posted = await world.grace.send(world.channel, "no picture here")

    result = await world.ada.context_menu(world.channel, "Remix", posted)

    assert sentence(result) == "That message is gone, or it has no picture."


async def test_apps_remix_finds_the_picture_in_a_forwarded_message(world: World) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png("blue"))])
    forwarded = await world.grace.forward(posted, world.channel)

    form = await world.ada.context_menu(world.channel, "Remix", forwarded)
    await world.ada.submit_modal(form, {"prompt": "x", "strength": "0.5"})

    assert len(world.engine.recipes) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "`strength` is 0; it takes above 0 and at most 1."),
        ("1.5", "`strength` is 1.5; it takes above 0 and at most 1."),
        ("much", "`strength` is `much`; it takes a number such as 0.6."),
    ],
)
async def test_a_bad_strength_is_refused_before_anything_is_fetched(
    world: World, text: str, expected: str
) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png())])
    form = await world.ada.context_menu(world.channel, "Remix", posted)

    result = await world.ada.submit_modal(form, {"prompt": "x", "strength": text})

    assert sentence(result) == expected


async def test_the_remix_button_opens_the_same_form_for_anyone(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple", count=2)

    form = await world.grace.click(card(made), label="Remix")
    await world.grace.submit_modal(form, {"prompt": "", "strength": "0.4", "which": ["1"]})

    recipe = world.engine.recipes[-1]
    assert (recipe.prompt, recipe.strength) == ("a red apple", 0.4)
    assert buttons_of(card(made))[0] == "Remix"
