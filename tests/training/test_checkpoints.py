"""A run that was stopped goes on as if nothing had happened."""

from pathlib import Path

import pytest
import torch
from torch import nn

from training.checkpoints import Run, averaged


def build() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(4, 4)


def train(path: Path, steps: int, stop_at: int | None = None) -> Run:
    run = Run(build(), path, steps, rate=1e-2)
    for generator in run.loop():
        x = torch.randn(8, 4, generator=generator)
        run.learn((run.model(x) - x.flip(1)).square().mean())
        if run.step == stop_at:
            run.save()
            break
    return run


def test_a_run_that_was_stopped_ends_where_an_unbroken_one_ends(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole.pt", 60)
    train(tmp_path / "broken.pt", 60, stop_at=23)
    again = train(tmp_path / "broken.pt", 60)
    assert again.step == 60
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])
        assert torch.equal(whole.average[name], again.average[name])


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    train(tmp_path / "run.pt", 10)
    again = Run(build(), tmp_path / "run.pt", 10, rate=1e-2)
    assert list(again.loop()) == []


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    run = train(tmp_path / "run.pt", 40)
    model = averaged(tmp_path / "run.pt", build)
    assert not any(weight.requires_grad for weight in model.parameters())
    assert torch.allclose(model.weight, run.model.weight, atol=0.1)
    assert not torch.equal(model.weight, run.model.weight)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    run = Run(build(), tmp_path / "run.pt", 10, rate=1e-2)
    with pytest.raises(FloatingPointError, match="step 0"):
        run.learn(run.model(torch.full((1, 4), float("nan"))).sum())
    assert torch.equal(run.model.weight, build().weight)
