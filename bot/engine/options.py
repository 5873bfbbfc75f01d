"""What the operator decides about the machine."""

from dataclasses import dataclass
from typing import Literal

Offload = Literal["none", "model", "sequential"]


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

    def __post_init__(self) -> None:
        if self.max_resident < 1:
            raise ValueError(f"max_resident must be at least 1, not {self.max_resident}")
