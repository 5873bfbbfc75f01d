"""Which device, in which precision."""

import pytest
import torch

from bot.core.catalog import CATALOG_VARIABLE
from bot.core.errors import SettingsError
from bot.engine import devices
from bot.engine.loading import spec_dtype
from bot.engine.options import EngineOptions
from tests.engine.examples import a_spec


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> "Machine":
    return Machine(monkeypatch)


class Machine:
    """Pretends that torch finds other devices."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.has()

    def has(self, *, cuda: bool = False, mps: bool = False, bfloat16: bool = False) -> None:
        self._patch.setattr(torch.cuda, "is_available", lambda: cuda)
        self._patch.setattr(torch.backends.mps, "is_available", lambda: mps)
        self._patch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device(machine: Machine, cuda: bool, mps: bool, expected: str) -> None:
    machine.has(cuda=cuda, mps=mps)

    assert devices.choose_device("auto") == expected


def test_a_named_device_is_taken_as_it_is(machine: Machine) -> None:
    machine.has(cuda=True)

    assert devices.choose_device("cuda:1") == "cuda:1"
    assert devices.choose_device("cpu") == "cpu"


@pytest.mark.parametrize("setting", ["cuda", "mps", "tpu"])
def test_a_device_that_is_not_there_is_a_settings_error(machine: Machine, setting: str) -> None:
    machine.has()

    with pytest.raises(SettingsError) as caught:
        devices.choose_device(setting)

    assert caught.value.variable == "ATELIER_DEVICE"
    assert setting in caught.value.problem


@pytest.mark.parametrize(
    ("device", "bfloat16", "expected"),
    [
        ("cuda", True, torch.bfloat16),
        ("cuda:1", False, torch.float16),
        ("mps", False, torch.float16),
        ("cpu", False, torch.float32),
    ],
)
def test_auto_takes_the_device_s_best_dtype(
    machine: Machine, device: str, bfloat16: bool, expected: torch.dtype
) -> None:
    machine.has(bfloat16=bfloat16)

    assert devices.choose_dtype("auto", device) == expected


def test_a_named_dtype_is_taken_as_it_is() -> None:
    assert devices.choose_dtype("float16", "cpu") == torch.float16


def test_the_model_s_own_dtype_wins_over_auto() -> None:
    assert spec_dtype(a_spec(dtype="bfloat16"), "auto", "cpu") == torch.bfloat16


def test_the_operator_s_dtype_wins_over_the_model_s() -> None:
    assert spec_dtype(a_spec(dtype="bfloat16"), "float32", "cpu") == torch.float32


@pytest.mark.parametrize(
    ("setting", "wish", "variable"), [("float8", None, "ATELIER_DTYPE"), ("auto", "float8", CATALOG_VARIABLE)]
)
def test_an_unknown_dtype_blames_the_setting_it_stands_in(
    setting: str, wish: str | None, variable: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        spec_dtype(a_spec(dtype=wish), setting, "cpu")

    assert caught.value.variable == variable
    assert "float8" in caught.value.problem


def test_an_engine_holds_at_least_one_model() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EngineOptions(max_resident=0)


@pytest.mark.parametrize(
    ("device", "emptied"), [("cuda", ["cuda"]), ("cuda:1", ["cuda"]), ("mps", ["mps"]), ("cpu", [])]
)
def test_memory_is_given_back_to_the_device_in_use(
    monkeypatch: pytest.MonkeyPatch, device: str, emptied: list[str]
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("cuda"))
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: calls.append("mps"))

    devices.free_memory(device)

    assert calls == emptied


@pytest.mark.parametrize(("device", "used"), [("cuda:1", 11), ("mps", 22), ("cpu", 0)])
def test_memory_used_is_asked_of_the_device_in_use(
    monkeypatch: pytest.MonkeyPatch, device: str, used: int
) -> None:
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: {"cuda:1": 11}[device])
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 22)

    assert devices.memory_used(device) == used


def test_versions_name_everything_that_a_picture_depends_on() -> None:
    found = devices.versions("cpu", torch.bfloat16)

    assert list(found) == [
        "python",
        "torch",
        "diffusers",
        "transformers",
        "accelerate",
        "safetensors",
        "device",
        "dtype",
    ]
    assert found["torch"] == torch.__version__
    assert (found["device"], found["dtype"]) == ("cpu", "bfloat16")
