"""What people meet who have chosen no model: the built-in catalogue's starter."""

import pytest

from tests.discord.test_lexicon import values
from tests.discord.world import World, card, pictures_of, text_of

pytestmark = pytest.mark.parametrize("catalog", [None])


async def test_what_is_typed_is_completed_to_what_the_starter_draws(world: World) -> None:
    choices = await world.ada.autocomplete(world.channel, "imagine", "prompt", "dra")

    assert values(choices) == [
        "dra",
        "a 3d dragon",
        "a cartoon dragon",
        "a pencil sketch of a dragon",
        "a neon dragon",
        "pixel art of a dragon",
    ]


async def test_a_thing_that_it_does_not_know_is_answered_with_how_many_it_does(world: World) -> None:
    lexicon = world.services.generation.catalog.get().lexicon
    assert lexicon

    result = await world.ada.slash(world.channel, "imagine", prompt="a xylophone")

    known = f"starter draws {len(lexicon.objects)} things in {len(lexicon.styles)} styles, such as a 3d "
    assert f"-# {known}" in text_of(card(result))
    assert "this prompt names none of them; for everything else choose another model." in text_of(
        card(result)
    )
    assert len(pictures_of(card(result))) == 1
