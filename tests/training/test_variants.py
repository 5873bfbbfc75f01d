"""Training pictures: the same seed draws the same ones, in every style, and some pairs are held back."""

import pytest
import torch

from training.captions import caption, label_prompt
from training.prepare import add_keywords, chosen, in_all_styles
from training.styles import CANVAS, COLOURS, SIDE, STYLES, blur, edges
from training.variants import Art, Variant, draw, unseen


@pytest.fixture(scope="module")
def art() -> Art:
    """A disc and a square, both red."""
    solid = torch.zeros(2, 4, CANVAS, CANVAS)
    y, x = torch.meshgrid(torch.arange(CANVAS), torch.arange(CANVAS), indexing="ij")
    disc = ((x - CANVAS / 2) ** 2 + (y - CANVAS / 2) ** 2 < 80**2).float()
    square = ((x - CANVAS / 2).abs().maximum((y - CANVAS / 2).abs()) < 70).float()
    for i, shape in enumerate((disc, square)):
        solid[i, 0] = 0.9 * shape
        solid[i, 3] = shape
    return Art(("disc", "square"), ("shapes", "shapes"), (("circle",), ()), in_all_styles(solid, solid))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_what_is_asked_for_within_range(art: Art, style: str) -> None:
    disc, square = draw(art, [Variant(0, style, "blue"), Variant(1, style, "blue")], seeded(), spread=0)
    assert disc.shape == (3, SIDE, SIDE)
    assert float(disc.min()) >= 0
    assert float(disc.max()) <= 1
    assert float((disc - square).abs().mean()) > 0.005


def test_styles_of_one_object_differ(art: Art) -> None:
    pictures = draw(art, [Variant(0, style, "white") for style in STYLES], seeded(), spread=0)
    for i in range(len(STYLES)):
        for j in range(i):
            assert float((pictures[i] - pictures[j]).abs().mean()) > 0.005


def test_a_seed_names_a_batch(art: Art) -> None:
    variants = [Variant(0, "3d", None), Variant(1, "neon", "red")]
    assert torch.equal(draw(art, variants, seeded(3)), draw(art, variants, seeded(3)))
    assert not torch.equal(draw(art, variants, seeded(3)), draw(art, variants, seeded(4)))


def test_a_named_background_is_drawn(art: Art) -> None:
    picture = draw(art, [Variant(0, "cartoon", "green")], seeded())[0]
    assert picture[:, 0, 0].tolist() == pytest.approx(COLOURS["green"], abs=0.02)


def test_pixel_art_is_made_of_whole_squares(art: Art) -> None:
    picture = draw(art, [Variant(0, "pixel art", "white")], seeded(5))[0]
    squares = picture.unfold(1, 8, 8).unfold(2, 8, 8)
    assert float((squares - squares[..., :1, :1]).abs().max()) == 0


def test_one_pair_in_twenty_is_held_back_from_every_style() -> None:
    hidden = unseen(254)
    assert len(hidden) == pytest.approx(254 * len(STYLES) / 20, abs=2)
    assert {style for _, style in hidden} == set(STYLES)


def test_captions_name_the_object_or_a_keyword_and_the_background(art: Art) -> None:
    texts = {caption(art, Variant(0, "neon", "blue"), seeded(i)) for i in range(40)}
    assert len(texts) > 5
    for text in texts:
        assert "neon" in text
        assert "disc" in text or "circle" in text
        assert text.endswith("on a blue background")


def test_an_article_fits_its_noun() -> None:
    assert label_prompt("owl", "pencil sketch") == "a pencil sketch of an owl"
    assert label_prompt("grapes", "neon") == "neon grapes"


def test_keywords_belong_to_one_object_and_are_no_names() -> None:
    rows = [
        {"name": "cat", "tags": ["pet", "feline", "dog"]},
        {"name": "dog", "tags": ["pet", "hound"]},
    ]
    add_keywords(rows)
    assert "pet" not in rows[0]["keywords"]
    assert "dog" not in rows[0]["keywords"]
    assert "hound" in rows[1]["keywords"]


def test_objects_have_different_names() -> None:
    names = [name for name, _, _ in chosen()]
    assert len(names) == len(set(names)) >= 120


def test_a_wide_blur_keeps_the_light() -> None:
    picture = torch.zeros(1, 1, 64, 64)
    picture[..., 28:36, 28:36] = 1
    assert float(blur(picture, 2.0).sum()) == pytest.approx(64, rel=1e-3)
    assert float(blur(picture, 6.0).sum()) == pytest.approx(64, rel=0.05)


def test_edges_lie_where_colours_change() -> None:
    picture = torch.zeros(1, 3, 16, 16)
    picture[..., 8:] = 1
    found = edges(picture)[0, 0]
    assert float(found[4, 7]) == pytest.approx(1)
    assert float(found[4, 2]) == 0
