"""The judge's arithmetic, on pictures and guesses made by hand."""

import pytest
import torch
from PIL import Image

from training.classifier import Classifier, augmented, look, truth
from training.judge import Judge, asked_pairs, distance, share, spread, tensor
from training.styles import STYLES
from training.variants import Variant


class Seeing(Judge):
    """A judge whose guesses are given: objects, likeliest first, and styles."""

    def __init__(self, things: list[list[int]], styles: list[int]) -> None:
        self._guesses = torch.tensor(things), torch.tensor(styles)

    def guesses(self, pictures: object) -> tuple[torch.Tensor, torch.Tensor]:
        del pictures
        return self._guesses


def test_a_verdict_counts_first_guesses_five_guesses_and_styles() -> None:
    judge = Seeing([[3, 1, 2, 4, 5], [9, 8, 3, 7, 6], [1, 2, 4, 5, 6]], [0, 1, 1])

    verdict = judge.verdict([], [(3, "3d"), (3, "cartoon"), (3, "neon")])

    assert (verdict.top1, verdict.top5, verdict.style) == (0.333, 0.667, 0.667)


def test_pairs_go_through_all_objects_and_all_styles() -> None:
    pairs = asked_pairs(254, 300, 1)

    assert {thing for thing, _ in pairs} == set(range(254))
    assert {style for _, style in pairs} == set(STYLES)
    assert len(set(pairs)) == 300


def test_the_distance_of_black_and_white_is_one() -> None:
    black, white = tensor([Image.new("RGB", (256, 256)), Image.new("RGB", (256, 256), "white")])

    assert distance(black, white) == pytest.approx(1)
    assert spread(torch.stack([black, white, white])) == pytest.approx(2 / 3)


def test_a_share_is_a_mean_to_three_places() -> None:
    assert share(torch.tensor([True, False, False])) == 0.333


def test_the_classifier_looks_at_pictures_of_any_size() -> None:
    torch.manual_seed(0)
    things, styles = look(Classifier(7), torch.rand(2, 3, 256, 256))

    assert (things.shape, styles.shape) == ((2, 7), (2, len(STYLES)))


def test_augmentation_is_named_by_its_generator_and_stays_in_range() -> None:
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    one, other = (augmented(pictures, torch.Generator().manual_seed(2)) for _ in range(2))

    assert torch.equal(one, other)
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1
    assert not torch.equal(one, pictures)


def test_the_truth_is_the_number_of_object_and_style() -> None:
    things, styles = truth([Variant(5, "neon", None), Variant(0, "3d", "red")])

    assert things.tolist() == [5, 0]
    assert [list(STYLES)[i] for i in styles] == ["neon", "3d"]
