"""What the operator decides about the machine."""

from dataclasses import dataclass
from typing import Literal

Offload = Literal["none", "model", "sequential"]
Compile = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How an engine uses its device. The defaults suit any machine."""

    device: str = "auto"
    """A torch device such as `cuda`, `cuda:1`, `mps` or `cpu`; `auto` takes the first of them there is."""
    dtype: str = "auto"
    """`float32`, `float16` or `bfloat16`; `auto` takes the model's own wish, then the device's best."""
    offload: Offload = "none"
    """What waits in main memory while it is not needed: nothing, whole models (saves much, costs
    little) or single layers (saves most, slow). Means something on CUDA only."""
    max_resident: int = 1
    """How many models stay in memory; at least 1. The least recently used one gives way."""
    slots: int = 16
    """How many pictures the step engine has in hand at once; at least 1."""
    max_rows: int = 32
    """Most rows of one forward (a guided picture takes two), however many would still pay; at least 1."""
    fixed_rows: int = 0
    """If not 0, as many rows pay as this says, and nothing is measured (for tests and benchmarks)."""
    exact_rows: int = 0
    """If not 0, every forward has just so many rows and every decode one picture, so that a picture is
    the same to the last bit whatever else is being made. Costs speed; powers of two cost least."""
    compile: Compile = "auto"
    """Whether UNet and VAE are compiled by torch on CUDA: `auto` where the catalogue says so."""
    ageing: float = 0.25
    """How many milliseconds of remaining work a picture is forgiven for each that it has waited: 0 lets
    the shortest always go first, a very large number is first come first served."""

    def __post_init__(self) -> None:
        for name, least in (
            ("max_resident", 1),
            ("slots", 1),
            ("max_rows", 1),
            ("fixed_rows", 0),
            ("exact_rows", 0),
            ("ageing", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
