"""/ladder: the sheet, and taking one of its tiles."""

import io

import pytest
from PIL import Image

from tests.discord.world import World, buttons_of, card, menu, pictures_of, png, sentence, text_of


async def test_a_ladder_is_one_sheet_with_its_strengths_in_the_alt_text(world: World) -> None:
    result = await world.ada.slash(
        world.channel, "ladder", prompt="a neon house", image=("house.png", png()), seed=3
    )

    assert [(r.strength, r.seed) for r in world.engine.recipes] == [(0.3, 3), (0.5, 3), (0.7, 3)]
    [sheet] = pictures_of(card(result))
    assert sheet["description"] == (
        "The original, then remixes of it at strengths 0.3, 0.5, 0.7: a neon house"
    )
    data = world.env.backend.cdn.get(sheet["media"]["url"])
    assert data
    assert Image.open(io.BytesIO(data)).width >= 900


async def test_a_ladder_takes_other_strengths(world: World) -> None:
    await world.ada.slash(
        world.channel, "ladder", prompt="x", image=("a.png", png()), strengths="0.5 0.6 0.9 1"
    )

    assert [r.strength for r in world.engine.recipes] == [0.5, 0.6, 0.9, 1.0]


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [
        ("soft hard", "`soft` is no strength; write numbers such as `0.3 0.5 0.7`."),
        ("0.5 0.5", "The strength 0.5 is there twice; each takes its own tile."),
        (" ".join(f"0.{i}" for i in range(10, 20)), "A ladder takes 2 to 9 strengths; that is 10."),
        ("0.5", "A ladder takes 2 to 9 strengths; that is 1."),
        ("0 0.5", "`strength` is 0; it takes above 0 and at most 1."),
    ],
)
async def test_strengths_that_make_no_ladder_are_refused(world: World, strengths: str, expected: str) -> None:
    result = await world.ada.slash(
        world.channel, "ladder", prompt="x", image=("a.png", png()), strengths=strengths
    )

    assert sentence(result) == expected


async def test_tiles_are_not_in_history_until_one_is_picked(world: World) -> None:
    made = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))
    gallery = world.services.gallery
    assert (await gallery.page(world.ada.id)).generations == ()

    picked = await world.ada.select(card(made), ["1"], custom_id=menu(card(made))["custom_id"])

    [generation] = (await gallery.page(world.ada.id)).generations
    assert generation.recipe.strength == 0.5
    assert len(pictures_of(card(picked))) == 1
    assert "strength 0.5" in text_of(card(picked))
    assert buttons_of(card(picked)) == ["Remix", "Again", "Ladder", "Details", "Delete"]


async def test_only_the_owner_picks(world: World) -> None:
    made = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))

    result = await world.grace.select(card(made), ["0"], custom_id=menu(card(made))["custom_id"])

    assert sentence(result) == "Only its owner may pick a tile of this ladder."


async def test_again_on_a_picked_tile_repeats_that_tile_alone(world: World) -> None:
    made = await world.ada.slash(world.channel, "ladder", prompt="x", image=("a.png", png()))
    picked = await world.ada.select(card(made), ["2"], custom_id=menu(card(made))["custom_id"])

    await world.ada.click(card(picked), label="Again")

    assert [r.strength for r in world.engine.recipes[3:]] == [0.7]


async def test_the_ladder_button_opens_a_form(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a house")

    form = await world.grace.click(card(made), label="Ladder")
    await world.grace.submit_modal(form, {"prompt": "a neon house", "strengths": "0.2, 0.4"})

    assert [r.strength for r in world.engine.recipes[1:]] == [0.2, 0.4]


async def test_apps_ladder_works_on_any_picture(world: World) -> None:
    posted = await world.grace.send(world.channel, attachments=[("cat.png", png())])

    form = await world.ada.context_menu(world.channel, "Ladder", posted)
    await world.ada.submit_modal(form, {"prompt": "x", "strengths": "0.2 0.4"})

    assert len(world.engine.recipes) == 2
