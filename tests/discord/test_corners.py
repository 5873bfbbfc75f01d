"""What seldom happens: each of it once."""

import io
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from discord import ui

from bot.client import Atelier
from bot.core.errors import DatabaseBusyError, SourceGoneError
from bot.core.jobs import Progress, Queued
from cogs.mentions import Mentions
from cogs.ui.card import progress_card
from tests.core.examples import a_job
from tests.discord.test_mentions import me
from tests.discord.world import (
    THUMBNAIL,
    World,
    card,
    components,
    menu,
    pictures_of,
    png,
    sentence,
    text_of,
)


async def post(world: World, view: ui.LayoutView, *files: discord.File) -> discord.Message:
    """A message of the bot's own that is no card."""
    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    return await channel.send(view=view, files=files)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Queued(1), "Next in line"),
        (Queued(1, 0.2), "Next in line, about 1 s"),
        (Queued(3, 40.0), "3rd in line, about 40 s"),
        (Queued(22, 600.0), "22nd in line, about 10 min"),
        (Queued(11), "11th in line"),
        (Queued(2, None, stopping=True), "Waits for the bot, which is restarting"),
        (Progress(6, 12, seconds=4.4), "step 6 of 12, 4 s, about 4 s left"),
        (Progress(12, 12, seconds=0.4), "step 12 of 12, 0.4 s"),
        (Progress(30, 48, denoised=1, count=4), "step 30 of 48, 1 of 4 pictures"),
    ],
)
def test_a_card_on_its_way_says_where_it_stands(event: Queued | Progress, text: str) -> None:
    view = progress_card(a_job(), event)

    shown = [item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)]
    assert text in shown[-1]


async def test_apps_remix_passes_over_files_that_are_no_pictures(world: World) -> None:
    files = [("notes.txt", b"words"), ("cat.png", png())]
    posted = await world.grace.send(world.channel, attachments=files)

    form = await world.ada.context_menu(world.channel, "Remix", posted)
    await world.ada.submit_modal(form, {"prompt": "x", "strength": "0.5"})

    assert len(world.engine.recipes) == 1


async def test_a_picture_in_a_file_component_is_found(world: World) -> None:
    view = ui.LayoutView()
    view.add_item(ui.Container(ui.File("attachment://cat.png"), ui.File("attachment://notes.txt")))
    message = await post(
        world,
        view,
        discord.File(io.BytesIO(png("blue")), "cat.png"),
        discord.File(io.BytesIO(b"words"), "notes.txt"),
    )

    form = await world.ada.context_menu(world.channel, "Remix", message)
    await world.ada.submit_modal(form, {"prompt": "x", "strength": "0.5"})

    source = world.engine.sources[-1]
    assert source is not None
    assert source.rgb[:3] == b"\x00\x00\xff"


async def test_a_typed_command_works_in_direct_messages(world: World) -> None:
    await world.ada.send_dm(f"{me(world)} imagine a cat")

    assert [recipe.prompt for recipe in world.engine.recipes] == ["a cat"]


async def test_a_mention_that_cannot_be_answered_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.env.inject_error("POST", "/channels/*/messages", status=403, code=50013, times=1)

    await world.ada.send(world.channel, f"{me(world)} imagine seed:x a cat")

    assert "could not answer SyntaxProblemError" in caplog.text


async def test_a_reply_to_what_was_deleted_while_it_was_typed_says_so() -> None:
    mentions = Mentions(cast("Atelier", SimpleNamespace()))
    gone = object.__new__(discord.DeletedReferencedMessage)

    with pytest.raises(SourceGoneError):
        await mentions._replied_to(cast("Any", None), cast("Any", SimpleNamespace(resolved=gone)))


@pytest.mark.parametrize("there", [True, False])
async def test_a_reply_whose_message_discord_did_not_send_along_is_fetched(world: World, there: bool) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png())])
    channel = world.bot.get_channel(world.channel.id)
    reference = SimpleNamespace(resolved=None, message_id=posted.id if there else 1)
    mentions = Mentions(world.bot)

    fetching = mentions._replied_to(cast("Any", SimpleNamespace(channel=channel)), cast("Any", reference))
    if there:
        assert (await fetching).id == posted.id
    else:
        with pytest.raises(SourceGoneError):
            await fetching


async def test_a_private_picture_is_deleted_from_history(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a secret", private=True)
    listed = await world.ada.slash(world.channel, "history")
    opened = await world.ada.select(card(listed), [menu(card(listed))["options"][0]["value"]])

    await world.ada.click(card(opened), label="Delete")

    assert (await world.services.gallery.page(world.ada.id)).generations == ()


async def test_a_card_whose_pictures_are_gone_can_still_be_deleted_by_who_asked_for_it(world: World) -> None:
    ladder = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))
    picked = await world.ada.select(card(ladder), ["0"], custom_id=menu(card(ladder))["custom_id"])
    await world.ada.click(card(ladder), label="Delete")

    stranger = await world.grace.click(card(picked), label="Delete")
    assert sentence(stranger) == "Only its owner or a moderator may delete this picture."
    await world.ada.click(card(picked), label="Delete")

    assert world.channel.history() == []


async def test_an_update_that_fails_leaves_the_other_pictures_on_their_card(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="two apples", count=2)
    listed = await world.ada.slash(world.channel, "history")
    opened = await world.ada.select(card(listed), [menu(card(listed))["options"][0]["value"]])
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=500)

    await world.ada.click(card(opened), label="Delete")

    assert len(pictures_of(card(made))) == 2


async def test_what_nobody_foresaw_while_a_card_is_drawn_ends_on_it_as_an_apology(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the moon")

    monkeypatch.setattr(world.bot.gallery, "file", broken)

    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "Sorry, that went wrong on my side." in text_of(card(result))


async def test_a_spoilered_picture_is_spoilered_as_a_source_too(world: World) -> None:
    world.bot.settings = world.settings.model_copy(update={"spoiler": "always"})

    result = await world.ada.slash(world.channel, "remix", prompt="x", image=("a.png", png()))

    [thumbnail] = [c for c in components(card(result)) if c.get("type") == THUMBNAIL]
    assert thumbnail["spoiler"] is True


async def test_options_are_checked_before_the_picture_is_fetched(world: World) -> None:
    result = await world.ada.slash(
        world.channel, "remix", prompt="x", image=("a.png", b"not fetched"), model="nope"
    )

    assert not result.deferred
    assert sentence(result) == "There is no model `nope` here; there is `tiny`."


async def test_ones_own_private_picture_is_used_in_private_only(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a secret", private=True)
    [secret] = (await world.services.gallery.page(world.ada.id)).generations

    shown = await world.ada.slash(world.channel, "remix", source=secret.id)
    hidden = await world.ada.slash(world.channel, "remix", source=secret.id, private=True)

    assert sentence(shown) == "That picture is private; say `private:True`, so that only you see the answer."
    assert hidden.ephemeral
    assert len(pictures_of(card(hidden))) == 1


async def test_a_page_whose_pictures_were_deleted_meanwhile_is_empty(world: World) -> None:
    made = [await world.ada.slash(world.channel, "imagine", prompt=f"apple {n}") for n in range(6)]
    listed = await world.ada.slash(world.channel, "history")
    await world.ada.click(card(made[0]), label="Delete")

    await world.ada.click(card(listed), label="Older")

    assert "There are no older ones." in text_of(card(listed))


async def test_a_page_that_cannot_be_read_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        await world.ada.slash(world.channel, "imagine", prompt=f"apple {number}")
    listed = await world.ada.slash(world.channel, "history")

    async def busy(*_: object) -> None:
        raise DatabaseBusyError

    monkeypatch.setattr(world.bot.gallery, "page", busy)
    result = await world.ada.click(card(listed), label="Older")

    assert sentence(result) == "The database is busy; try again in a moment."


async def test_details_of_a_remix_of_an_attachment_name_no_parent(world: World) -> None:
    made = await world.ada.slash(world.channel, "remix", image=("a.png", png()), prompt="x")

    details = await world.ada.click(card(made), label="Details")

    assert "/remix prompt:x strength:0.6 seed:" in text_of(card(details))


async def test_history_tells_a_remix_by_its_strength(world: World) -> None:
    await world.ada.slash(world.channel, "remix", prompt="x", image=("a.png", png()), strength=0.4)

    listed = await world.ada.slash(world.channel, "history")

    assert "remix \N{MIDDLE DOT} strength 0.4" in text_of(card(listed))


async def test_who_may_not_read_the_channels_history_gets_no_picture_from_it(world: World) -> None:
    here = world.guild.create_text_channel(
        "here", overwrites={world.ada: discord.PermissionOverwrite(read_message_history=False)}
    )
    made = await world.grace.slash(here, "imagine", prompt="from before ada came")

    bare = await world.ada.slash(here, "remix", prompt="x")
    [generation] = (await world.services.gallery.page(world.grace.id)).generations
    named = await world.ada.slash(here, "remix", prompt="x", source=generation.id)

    assert len(pictures_of(card(made))) == 1
    assert sentence(bare).startswith("There is no picture to start from")
    assert sentence(named) == "That picture is in a place that you cannot read, so it cannot be used."
