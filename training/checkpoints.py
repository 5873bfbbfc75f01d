"""What every stage of the training shares: a loop that can be killed and taken up again at any step."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

DEVICE: Final = "cuda" if torch.cuda.is_available() else "cpu"
SAVE_EVERY_S: Final = 120.0
LOG_EVERY: Final = 50


def autocast() -> torch.autocast:
    """Multiplications in bfloat16, which halves their time on new processors too."""
    return torch.autocast(DEVICE, torch.bfloat16)


class Run:
    """A model, its average (EMA) and its optimizer, kept together in one file.

    The learning rate rises over the first 200 steps, stays, and falls linearly to zero over the last
    half. The random numbers of step n come from a generator seeded with n, so a run that was taken up
    again sees what it would have seen.
    """

    def __init__(self, model: nn.Module, path: Path, steps: int, rate: float, decay: float = 0.999) -> None:
        self.model = model.to(DEVICE)
        self.path = path
        self.steps = steps
        self.rate = rate
        self.decay = decay
        self.step = 0
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        if path.exists():
            self._load()

    def loop(self) -> Iterator[torch.Generator]:
        """One turn a step, each with its generator. Saves as it goes and at the end."""
        saved = time.monotonic()
        while self.step < self.steps:
            yield torch.Generator().manual_seed(self.step)
            if time.monotonic() - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        self.save()

    def learn(self, loss: torch.Tensor) -> float:
        """One step of the optimizer, and of the average; returns the loss.

        Raises:
            FloatingPointError: the loss is infinite or no number; nothing has been learnt from it.
        """
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {self.step}")
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * self._factor()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, weight in self.model.state_dict().items():
                if weight.dtype.is_floating_point:
                    self.average[name].lerp_(weight, 1 - decay)
                else:
                    self.average[name].copy_(weight)
        return value

    def save(self) -> None:
        """Writes beside the file and moves it over: a kill never leaves half of one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {"model": self.model.state_dict(), "average": self.average, "step": self.step}
        state["optimizer"] = self.optimizer.state_dict()
        beside = self.path.with_suffix(".new")
        torch.save(state, beside)
        beside.replace(self.path)

    def _load(self) -> None:
        state = torch.load(self.path, weights_only=True, map_location=DEVICE)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]

    def _factor(self) -> float:
        return min(1.0, (self.step + 1) / 200, max(2 * (1 - self.step / self.steps), 1e-3))


def averaged(path: Path, build: Callable[[], nn.Module]) -> Any:
    """A model with the averaged weights of a checkpoint, ready for use."""
    model = build()
    model.load_state_dict(torch.load(path, weights_only=True, mmap=True, map_location="cpu")["average"])
    return model.to(DEVICE).eval().requires_grad_(requires_grad=False)
