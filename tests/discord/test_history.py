"""/history: private, paged, and a way to each picture."""

from tests.discord.world import (
    THUMBNAIL,
    World,
    buttons_of,
    card,
    components,
    menu,
    pictures_of,
    sentence,
    text_of,
)


async def make(world: World, count: int) -> None:
    for number in range(count):
        await world.ada.slash(world.channel, "imagine", prompt=f"apple {number}")


async def test_history_is_private_and_shows_thumbnails_with_ids(world: World) -> None:
    await make(world, 2)
    await world.grace.slash(world.channel, "imagine", prompt="not ada's")

    result = await world.ada.slash(world.channel, "history")

    assert result.ephemeral
    thumbnails = [c for c in components(card(result)) if c.get("type") == THUMBNAIL]
    assert [t["description"] for t in thumbnails] == ["apple 1", "apple 0"]
    assert "not ada's" not in text_of(card(result))
    assert len(menu(card(result))["options"]) == 2
    assert buttons_of(card(result)) == []


async def test_an_empty_history_says_how_to_begin(world: World) -> None:
    result = await world.ada.slash(world.channel, "history")

    assert "Nothing here yet. `/imagine` makes the first one." in text_of(card(result))


async def test_older_pages_are_turned_to_and_back_also_after_a_restart(world: World) -> None:
    await make(world, 12)
    first = await world.ada.slash(world.channel, "history")
    assert "apple 11" in text_of(card(first))
    assert buttons_of(card(first)) == ["Older"]

    await world.ada.click(card(first), label="Older")
    assert "apple 6" in text_of(card(first))
    await world.restart()
    await world.ada.click(card(first), label="Older")
    assert "apple 1" in text_of(card(first))
    assert buttons_of(card(first)) == ["Newest"]

    await world.ada.click(card(first), label="Newest")
    assert "apple 11" in text_of(card(first))


async def test_a_picture_is_opened_as_a_private_card_and_remixed_from_there(world: World) -> None:
    await make(world, 2)
    listed = await world.ada.slash(world.channel, "history")

    chosen = menu(card(listed))["options"][1]["value"]
    opened = await world.ada.select(card(listed), [chosen])

    assert opened.ephemeral
    assert "apple 0" in text_of(card(opened))
    assert len(pictures_of(card(opened))) == 1
    form = await world.ada.click(card(opened), label="Remix")
    await world.ada.submit_modal(form, {"prompt": "a pear", "strength": "0.5"})
    assert world.engine.recipes[-1].prompt == "a pear"


async def test_deleting_from_history_takes_the_posted_card_too(world: World) -> None:
    await make(world, 1)
    listed = await world.ada.slash(world.channel, "history")
    opened = await world.ada.select(card(listed), [menu(card(listed))["options"][0]["value"]])

    await world.ada.click(card(opened), label="Delete")

    assert world.channel.history() == []
    assert (await world.services.gallery.page(world.ada.id)).generations == ()


async def test_deleting_one_of_several_leaves_the_others_on_their_card(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="two apples", count=2)
    listed = await world.ada.slash(world.channel, "history")
    opened = await world.ada.select(card(listed), [menu(card(listed))["options"][0]["value"]])

    await world.ada.click(card(opened), label="Delete")

    assert len(pictures_of(card(made))) == 1
    assert len((await world.services.gallery.page(world.ada.id)).generations) == 1


async def test_opening_what_was_deleted_meanwhile_says_so(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="an apple")
    listed = await world.ada.slash(world.channel, "history")
    chosen = menu(card(listed))["options"][0]["value"]
    await world.ada.click(card(made), label="Delete")

    result = await world.ada.select(card(listed), [chosen])

    assert sentence(result) == f"The generation {chosen} is no longer there."
