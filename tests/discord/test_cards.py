"""The buttons on a card: what they do, who may press them, and that they outlive a restart."""

import discord
import pytest

from tests.discord.world import World, buttons_of, card, menu, pictures_of, png, sentence, text_of, until


async def test_again_makes_the_same_with_a_new_seed(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat", seed=7, steps=3, count=2)

    again = await world.grace.click(card(made), label="Again")

    first, later = world.engine.recipes[0], world.engine.recipes[2]
    assert len(pictures_of(card(again))) == 2
    assert (later.prompt, later.num_inference_steps) == (first.prompt, first.num_inference_steps)
    assert later.seed != first.seed


async def test_again_on_a_remix_starts_from_the_same_source(world: World) -> None:
    made = await world.ada.slash(
        world.channel, "remix", image=("a.png", png("blue")), prompt="x", strength=0.4
    )

    await world.ada.click(card(made), label="Again")

    assert world.engine.sources[0] == world.engine.sources[1]
    assert world.engine.recipes[1].strength == 0.4


async def test_details_are_private_and_tell_how_to_make_it_again(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat", seed=7, negative_prompt="a dog")

    details = await world.grace.click(card(made), label="Details")

    assert details.ephemeral
    text = text_of(card(details))
    assert "/imagine prompt:a cat negative_prompt:a dog seed:7 steps:12 guidance:5 model:tiny" in text
    assert "DDIMScheduler" in text


async def test_delete_takes_message_row_and_file(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await world.ada.click(card(made), label="Delete")

    assert world.channel.history() == []
    assert (await world.services.gallery.page(world.ada.id)).generations == ()
    assert list((world.settings.data_dir / "images").rglob("*.png")) == []


async def test_a_stranger_cannot_delete(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    result = await world.grace.click(card(made), label="Delete")

    assert sentence(result) == "Only its owner or a moderator may delete this picture."
    assert len(world.channel.history()) == 1


async def test_a_moderator_can_delete(world: World) -> None:
    mods = world.guild.create_role("mods", permissions=discord.Permissions(manage_messages=True))
    mod = world.guild.add_member(world.env.create_user("mod"), roles=[mods])
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await mod.click(card(made), label="Delete")

    assert world.channel.history() == []


async def test_a_file_that_a_remix_still_needs_stays(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    await world.ada.slash(world.channel, "remix", prompt="a dog")

    await world.ada.click(card(made), label="Delete")

    assert len(list((world.settings.data_dir / "images").rglob("*.png"))) == 2


async def test_buttons_work_after_a_restart(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat", seed=7)
    ladder = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))

    await world.restart()

    again = await world.ada.click(card(made), label="Again")
    assert len(pictures_of(card(again))) == 1
    form = await world.ada.click(card(made), label="Remix")
    remix = await world.ada.submit_modal(form, {"prompt": "a dog", "strength": "0.5"})
    assert len(pictures_of(card(remix))) == 1
    assert "seed 7" in text_of(card(made))
    details = await world.ada.click(card(made), label="Details")
    assert "seed:7" in text_of(card(details))
    picked = await world.ada.select(card(ladder), ["0"], custom_id=menu(card(ladder))["custom_id"])
    assert len(pictures_of(card(picked))) == 1
    stranger = await world.grace.click(card(made), label="Delete")
    assert sentence(stranger) == "Only its owner or a moderator may delete this picture."
    message_id = card(made).id
    await world.ada.click(card(made), label="Delete")
    assert message_id not in [message.id for message in world.channel.history()]


@pytest.mark.live
async def test_a_running_job_shows_its_progress(world: World) -> None:
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat", steps=2)
    assert buttons_of(card(made)) == ["Cancel"]

    world.engine.release()
    await until(lambda: bool(pictures_of(card(made))))

    assert "Cancel" not in buttons_of(card(made))


@pytest.mark.live
async def test_cancel_stops_a_running_job_without_decoding(world: World) -> None:
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await world.ada.click(card(made), label="Cancel")
    await until(lambda: "Cancelled." in text_of(card(made)))

    assert world.engine.decodes == 0
    assert buttons_of(card(made)) == ["Again", "Details"]


@pytest.mark.live
async def test_cancel_takes_a_waiting_job_out_of_the_queue(world: World) -> None:
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="first")
    waiting = await world.grace.slash(world.channel, "imagine", prompt="second")
    assert "Next in line" in text_of(card(waiting))

    await world.grace.click(card(waiting), label="Cancel")
    await until(lambda: "Cancelled." in text_of(card(waiting)))
    world.engine.release()
    await world.env.settle()

    assert [r.prompt for r in world.engine.recipes] == ["first"]


@pytest.mark.live
async def test_a_stranger_cannot_cancel(world: World) -> None:
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    result = await world.grace.click(card(made), label="Cancel")

    assert sentence(result) == "Only its owner or a moderator may cancel this job."


@pytest.mark.live
async def test_one_user_cannot_fill_the_queue(world: World) -> None:
    world.engine.hold()
    for number in range(8):
        await world.ada.slash(world.channel, "imagine", prompt=f"cat {number}")

    result = await world.ada.slash(world.channel, "imagine", prompt="one more")

    assert sentence(result).startswith("You have 8 jobs on the way already, as many as one person may")


@pytest.mark.parametrize("label", ["Remix", "Again", "Ladder"])
async def test_what_is_made_from_a_private_card_stays_private(world: World, label: str) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a secret", private=True)

    result = await world.ada.click(card(made), label=label)
    if result.modal:
        fields = {"Remix": {"strength": "0.5"}, "Ladder": {"strengths": "0.3 0.5"}}
        result = await world.ada.submit_modal(result, fields[label])

    assert result.ephemeral
    assert world.channel.history(viewer=world.grace) == []
