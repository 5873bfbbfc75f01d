"""/queue, /cancel, the Cancel button, and /queue-rules."""

import discord
import pytest

from bot.core.jobs import Progress
from bot.core.live import Standing
from cogs.queue import LINES_SHOWN, queue_text
from tests.core.examples import ANNA, BERT, a_job, a_recipe
from tests.discord.world import World, card, sentence, text_of, until


def cancelled(message: object) -> bool:
    """Whether a card says so."""
    return "Cancelled." in text_of(message)


async def test_an_empty_queue_says_so_privately(world: World) -> None:
    result = await world.ada.slash(world.channel, "queue")

    assert sentence(result) == "Nothing is being made, and nobody waits."


@pytest.mark.live
async def test_the_queue_names_ones_own_jobs_and_nobody_elses(world: World) -> None:
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="a secret fox")
    await world.grace.slash(world.channel, "imagine", prompt="a dog")

    text = sentence(await world.grace.slash(world.channel, "queue"))

    running, waiting = text.splitlines()[1:]
    assert text.startswith("**Running: 1. Waiting: 1.**")
    assert running == "Somebody's imagine, running"
    assert waiting.startswith("Yours `")
    assert waiting.endswith(": a dog, imagine, Next in line")
    assert "secret" not in text


def test_the_queue_is_told_in_words_alone() -> None:
    progress = Progress(3, 12)
    standings = [
        Standing(a_job(user=BERT), 0, 4.2, progress),
        Standing(a_job(user=ANNA), 1, 12.0, None),
        Standing(a_job(user=BERT), 2, 100.0, None),
    ]

    assert queue_text(standings, ANNA).splitlines() == [
        "**Running: 1. Waiting: 2.**",
        "Somebody's imagine, running, step 3 of 12, about 4 s left",
        f"Yours `{standings[1].job.id}`: a fox, imagine, Next in line, about 12 s",
        "Somebody's imagine, 2nd in line, about 2 min",
    ]


def test_a_long_queue_is_told_in_part_and_ones_own_jobs_wherever_they_stand() -> None:
    others = [Standing(a_job(user=BERT), n, None, None) for n in range(1, 61)]
    own = Standing(a_job(user=ANNA), 61, None, None)

    lines = queue_text([*others, own, Standing(a_job(user=BERT), 62, None, None)], ANNA).splitlines()

    assert len(lines) == 1 + LINES_SHOWN + 1 + 1
    assert "61st in line" in lines[-2]
    assert lines[-1] == "And 41 more."


def test_even_the_longest_queue_fits_into_a_message() -> None:
    recipe = a_recipe(prompt="*_" * 100)
    own = [Standing(a_job(recipe, user=ANNA), n, 100.0, None) for n in range(1, 101)]

    text = queue_text(own, ANNA)

    assert len(text) <= 2000
    shown = len(text.splitlines()) - 2
    assert text.endswith(f"And {100 - shown} more.")


@pytest.mark.live
async def test_cancel_takes_back_all_of_ones_own_and_nobody_elses(world: World) -> None:
    world.engine.hold()
    mine = [await world.ada.slash(world.channel, "imagine", prompt=f"cat {n}") for n in range(3)]
    other = await world.grace.slash(world.channel, "imagine", prompt="a dog")

    result = await world.ada.slash(world.channel, "cancel")

    assert sentence(result) == "Cancelled 3 jobs."
    await until(lambda: all(cancelled(card(made)) for made in mine))
    assert not cancelled(card(other))
    assert sentence(await world.ada.slash(world.channel, "cancel")) == "You have nothing on the way."


@pytest.mark.live
async def test_cancel_takes_back_the_one_that_is_chosen(world: World) -> None:
    world.engine.hold()
    first = await world.ada.slash(world.channel, "imagine", prompt="a cat")
    second = await world.ada.slash(world.channel, "imagine", prompt="a dog")

    choices = await world.ada.autocomplete(world.channel, "cancel", "job", "")
    one = await world.ada.autocomplete(world.channel, "cancel", "job", "dog")
    result = await world.ada.slash(world.channel, "cancel", job=one[0]["value"])

    assert choices[0]["name"] == "All 2 of them"
    assert len(choices) == 3
    assert sentence(result) == "Cancelled 1 job."
    await until(lambda: cancelled(card(second)))
    assert not cancelled(card(first))


@pytest.mark.live
async def test_a_stranger_cannot_cancel_by_the_id_of_a_job(world: World) -> None:
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="a cat")
    [job] = world.services.generation.jobs_of(world.ada.id)

    result = await world.grace.slash(world.channel, "cancel", job=job.id)

    assert sentence(result) == "Only its owner or a moderator may cancel this job."
    assert sentence(await world.grace.slash(world.channel, "cancel", job="nonsense")).startswith(
        "That job is not on record"
    )


@pytest.mark.live
async def test_a_second_click_on_cancel_does_no_harm(world: World) -> None:
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await world.ada.click(card(made), label="Cancel")
    await until(lambda: cancelled(card(made)))
    result = await world.ada.slash(world.channel, "cancel", job=str(made_job(world)))

    assert sentence(result) == "That job is over already (cancelled)."
    assert len(world.channel.history()) == 1


def made_job(world: World) -> str:
    """The id of the one job."""
    [job_id] = world.query("SELECT id FROM jobs")
    return str(job_id)


async def test_cancel_after_the_end_says_that_it_is_over(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a cat")

    result = await world.ada.slash(world.channel, "cancel", job=made_job(world))

    assert sentence(result) == "That job is over already (done)."


@pytest.mark.live
async def test_a_moderator_cancels_what_somebody_else_asked_for(world: World) -> None:
    mods = world.guild.create_role("mods", permissions=discord.Permissions(manage_messages=True))
    moderator = world.guild.add_member(world.env.create_user("mo"), roles=[mods])
    world.engine.hold()
    made = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    await moderator.click(card(made), label="Cancel")

    await until(lambda: cancelled(card(made)))


@pytest.mark.live
async def test_what_is_cancelled_gives_its_place_back(world: World) -> None:
    world.engine.hold()
    for number in range(8):
        await world.ada.slash(world.channel, "imagine", prompt=f"cat {number}")
    full = await world.ada.slash(world.channel, "imagine", prompt="one more")
    await world.ada.slash(world.channel, "cancel")

    accepted = await world.ada.slash(world.channel, "imagine", prompt="one more")

    assert sentence(full).startswith("You have 8 jobs on the way already")
    await until(lambda: "**one more**" in text_of(card(accepted)))


async def test_a_server_sets_its_own_caps_and_boosts(world: World) -> None:
    admins = world.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))
    patrons = world.guild.create_role("patrons")
    admin = world.guild.add_member(world.env.create_user("root"), roles=[admins])
    patron = world.guild.add_member(world.env.create_user("pat"), roles=[patrons])

    before = await admin.slash(world.channel, "queue-rules")
    after = await admin.slash(
        world.channel, "queue-rules", waiting=2, running=1, boost_role=patrons, boost=3.0
    )
    await patron.slash(world.channel, "imagine", prompt="a cat")
    await world.ada.slash(world.channel, "imagine", prompt="a dog")

    assert sentence(before).splitlines() == [
        "A member may have 8 jobs on the way, 4 of them running.",
        "No role has a boost.",
    ]
    assert sentence(after).splitlines() == [
        "A member may have 2 jobs on the way, 1 of them running.",
        f"<@&{patrons.id}>: 3 times the share.",
    ]
    assert world.query("SELECT weight FROM jobs ORDER BY created_at") == [3.0, 1.0]


@pytest.mark.live
async def test_a_servers_cap_holds(world: World) -> None:
    admins = world.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))
    admin = world.guild.add_member(world.env.create_user("root"), roles=[admins])
    await admin.slash(world.channel, "queue-rules", waiting=1)
    world.engine.hold()
    await world.ada.slash(world.channel, "imagine", prompt="a cat")

    refused = await world.ada.slash(world.channel, "imagine", prompt="a dog")

    assert sentence(refused).startswith("You have 1 job on the way already")
