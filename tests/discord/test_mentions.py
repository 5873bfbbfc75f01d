"""Commands typed in messages: replies and mentions."""

import pytest

from tests.discord.world import World, card, pictures_of, png, text_of


def me(world: World) -> str:
    assert world.bot.user is not None
    return world.bot.user.mention


async def test_a_reply_that_mentions_the_bot_remixes_the_picture_replied_to(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="a red apple")

    await world.ada.send(
        world.channel,
        f"{me(world)} remix strength:0.3 as a neon apple",
        reply_to=card(made),
    )

    recipe = world.engine.recipes[-1]
    assert (recipe.prompt, recipe.strength) == ("a neon apple", 0.3)
    answer = world.channel.last_message
    assert answer is not None
    assert len(pictures_of(world.env.backend.get_message(world.channel.id, answer.id))) == 1


async def test_a_reply_to_a_card_that_the_bot_posted_needs_no_mention(world: World) -> None:
    await world.grace.send(world.channel, f"{me(world)} imagine a red apple")
    card = world.channel.last_message
    assert card is not None

    await world.ada.send(world.channel, "/remix strength:0.4", reply_to=card)

    assert world.engine.recipes[-1].strength == 0.4
    assert world.engine.recipes[-1].prompt == "a red apple"


async def test_a_mention_with_a_picture_attached_remixes_it(world: World) -> None:
    await world.ada.send(
        world.channel, f"{me(world)} remix a neon house", attachments=[("house.png", png("blue"))]
    )

    source = world.engine.sources[-1]
    assert source is not None
    assert source.rgb[:3] == b"\x00\x00\xff"


async def test_imagine_and_ladder_can_be_typed_too(world: World) -> None:
    await world.ada.send(world.channel, f"{me(world)} imagine seed:7 a red apple")
    await world.ada.send(world.channel, f'{me(world)} ladder strengths:"0.2 0.8" a pear')

    assert [r.seed for r in world.engine.recipes[:1]] == [7]
    assert [r.strength for r in world.engine.recipes[1:]] == [0.2, 0.8]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("remix strength:1.5 x", "`strength` is 1.5; it takes above 0 and at most 1."),
        ("remix strength:much x", "`strength` is `much`; it takes a number such as 0.6."),
        ("remix seed:x y", "`seed` is `x`; it takes a whole number."),
        ("remix aspect:7:5 x", "`aspect` is `7:5`; it takes `1:1`, `2:3`, `3:2`, `9:16` or `16:9`."),
        ("ladder strengths:0.3,0.3 x", "The strength 0.3 is there twice; each takes its own tile."),
        ("ladder strengths:0.3 x", "A ladder takes 2 to 9 strengths; that is 1."),
        ("ladder strengths:a,b x", "`a` is no strength; write numbers such as `0.3 0.5 0.7`."),
        ("remix " + "x" * 1001, "The prompt has 1,001 characters; 1,000 are allowed."),
    ],
)
async def test_a_bad_option_is_answered_with_a_sentence(world: World, command: str, expected: str) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")

    await world.ada.send(world.channel, f"{me(world)} {command}", reply_to=card(made))

    assert world.channel.last_message is not None
    assert world.channel.last_message.content == expected
    assert len(world.engine.recipes) == 1


@pytest.mark.parametrize("message_content", [True])
async def test_with_the_intent_a_reply_to_any_card_or_picture_needs_no_more(world: World) -> None:
    made = await world.grace.slash(world.channel, "imagine", prompt="a red apple")
    await world.ada.send(world.channel, "/remix strength:0.4", reply_to=card(made))
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png("blue"))])
    await world.ada.send(world.channel, f"{me(world)} remix a dog", reply_to=posted)

    assert [r.prompt for r in world.engine.recipes] == ["a red apple", "a red apple", "a dog"]


async def test_without_the_intent_a_reply_to_somebodys_picture_names_the_other_door(world: World) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png("blue"))])

    await world.ada.send(world.channel, f"{me(world)} remix a dog", reply_to=posted)

    assert world.channel.last_message is not None
    assert world.channel.last_message.content == (
        "Discord hides that message from me; use Apps > Remix on it, which hands it over."
    )


@pytest.mark.parametrize("message_content", [True])
async def test_a_reply_to_a_message_with_two_pictures_asks_which(world: World) -> None:
    files = [("a.png", png()), ("b.png", png())]
    posted = await world.grace.send(world.channel, attachments=files)

    await world.ada.send(world.channel, f"{me(world)} remix x", reply_to=posted)

    assert world.channel.last_message is not None
    assert world.channel.last_message.content == (
        "That message has 2 pictures; use Apps > Remix on it and choose one."
    )


async def test_talk_that_is_no_command_is_left_alone(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red apple")

    await world.ada.send(world.channel, f"{me(world)} remixes are great", reply_to=card(made))
    await world.ada.send(world.channel, "remix this")

    assert world.channel.last_message is not None
    assert world.channel.last_message.content == "remix this"
    assert len(world.engine.recipes) == 1


async def test_the_answer_to_a_mention_pings_nobody(world: World) -> None:
    await world.ada.send(world.channel, f"{me(world)} imagine {world.grace.mention} @everyone")

    assert world.channel.last_message is not None
    stored = world.env.backend.get_message(world.channel.id, world.channel.last_message.id)
    assert stored.ping_user_ids == []
    assert "@everyone" not in text_of(stored)


async def test_a_typed_command_outside_the_served_channels_gets_no_answer(world: World) -> None:
    world.bot.settings = world.settings.model_copy(update={"channels": (1,)})

    await world.ada.send(world.channel, f"{me(world)} imagine a cat")
    await world.ada.send_dm(f"{me(world)} imagine a dog")

    assert [recipe.prompt for recipe in world.engine.recipes] == ["a dog"]
