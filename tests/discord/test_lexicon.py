"""A model that knows few words: what is offered while one types, and what the card says was drawn."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.core.examples import LEXICON
from tests.discord.world import World, card, pictures_of, png, prompt_of, text_of

CATALOGUE = """
[[model]]
name = "starter"
source = "{folder}"
width = 128
height = 128
max_side = 256

[[model]]
name = "tiny"
source = "somebody/tiny"
width = 128
height = 128
max_side = 256
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalogue whose default model knows few words."""
    (tmp_path / "lexicon.json").write_text(json.dumps(asdict(LEXICON)))
    catalog = tmp_path / "models.toml"
    catalog.write_text(CATALOGUE.format(folder=tmp_path))
    return catalog


def values(choices: list[dict[str, Any]]) -> list[str]:
    assert all(choice["name"] == choice["value"] for choice in choices)
    return [choice["value"] for choice in choices]


@pytest.mark.parametrize("command", ["imagine", "remix", "ladder"])
async def test_prompts_are_completed_in_the_models_own_words(world: World, command: str) -> None:
    choices = await world.ada.autocomplete(world.channel, command, "prompt", "uni")

    assert values(choices) == [
        "uni",
        "a 3d unicorn",
        "a pencil sketch of a unicorn",
        "a neon unicorn",
        "pixel art of a unicorn",
        "a cartoon unicorn",
    ]


async def test_before_anything_is_typed_a_selection_is_offered(world: World) -> None:
    choices = await world.ada.autocomplete(world.channel, "imagine", "prompt", "", model="Starter")

    assert len(choices) == 20
    assert values(choices)[:2] == ["a 3d cat", "a pencil sketch of a tree"]


@pytest.mark.parametrize("model", ["tiny", "no-such-model"])
async def test_another_model_completes_no_prompt(world: World, model: str) -> None:
    assert await world.ada.autocomplete(world.channel, "imagine", "prompt", "uni", model=model) == []


async def test_the_card_shows_what_was_written_and_says_what_was_drawn(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a red kitten")

    assert "**a red kitten**" in text_of(card(result))
    assert "-# starter drew: a 3d cat" in text_of(card(result))
    assert [recipe.given_prompt for recipe in world.engine.recipes] == ["a 3d cat"]


async def test_alt_text_says_what_was_drawn(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a red kitten")

    assert [item["description"] for item in pictures_of(card(result))] == ["a 3d cat"]


async def test_the_card_says_nothing_where_the_prompt_was_drawn_as_it_is(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a cat")

    assert "drew" not in text_of(card(result))


async def test_a_prompt_of_which_nothing_is_known_is_answered_with_what_is(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a lighthouse")

    assert "-# starter draws 20 things in 5 styles, such as a 3d cat, " in text_of(card(result))
    assert len(pictures_of(card(result))) == 1


async def test_another_model_draws_what_was_written(world: World) -> None:
    result = await world.ada.slash(world.channel, "imagine", prompt="a red kitten", model="tiny")

    assert "drew" not in text_of(card(result))
    assert [recipe.given_prompt for recipe in world.engine.recipes] == ["a red kitten"]


async def test_a_remix_of_a_remix_still_knows_the_thing_and_again_draws_it_once_more(world: World) -> None:
    await world.ada.slash(world.channel, "imagine", prompt="a cat")
    await world.ada.slash(world.channel, "remix", prompt="make it neon")
    last = await world.ada.slash(world.channel, "remix", prompt="on a red background")

    again = await world.ada.click(card(last), label="Again")

    given = [recipe.given_prompt for recipe in world.engine.recipes]
    assert given[1:] == ["a neon cat", *["a neon cat on a red background"] * 2]
    assert "**on a red background**" in text_of(card(again))


async def test_a_file_that_was_taken_elsewhere_still_says_what_was_drawn(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red kitten")
    [picture] = pictures_of(card(made))
    data = world.env.backend.cdn.get(picture["media"]["url"])
    assert data

    await world.grace.slash(world.channel, "remix", prompt="neon", image=("mine.png", data))

    assert world.engine.recipes[-1].given_prompt == "a neon cat"


async def test_the_form_of_a_remix_begins_with_what_the_user_wrote(world: World) -> None:
    made = await world.ada.slash(world.channel, "imagine", prompt="a red kitten")

    form = await world.grace.click(card(made), label="Remix")

    assert prompt_of(form) == "a red kitten"


async def test_details_show_both_prompts_and_the_command_for_the_users(world: World) -> None:
    made = await world.ada.slash(
        world.channel, "imagine", prompt="a red kitten", negative_prompt="blurry", seed=7
    )

    text = text_of(card(await world.ada.click(card(made), label="Details")))

    assert "**Prompt** a red kitten\n**Given to the model** a 3d cat" in text
    assert "**Negative prompt** blurry\n**Given to the model** *nothing*" in text
    assert "/imagine prompt:a red kitten negative_prompt:blurry seed:7" in text


async def test_a_remix_of_a_picture_without_a_prompt_goes_on_without_one(world: World) -> None:
    result = await world.ada.slash(world.channel, "remix", image=("a.png", png()))

    assert [recipe.given_prompt for recipe in world.engine.recipes] == [""]
    assert "Remixed without a prompt: the source's own is not known." in text_of(card(result))
    assert "names none" not in text_of(card(result))
