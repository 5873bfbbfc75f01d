"""At most so many models in memory."""

import pytest
import torch

from bot.core.catalog import Capabilities, ModelSpec
from bot.core.errors import DeviceMemoryError
from bot.engine.loading import LoadedModel
from bot.engine.residents import Residents
from tests.engine.examples import a_spec

A, B, C = (a_spec(name) for name in "abc")


class Device:
    """Loads models, unless it has no room for them."""

    def __init__(self, room: int = 99) -> None:
        self.room = room
        self.loaded: list[str] = []
        self.freed = 0
        self.residents = Residents(self.load, self.free, 2)

    def load(self, spec: ModelSpec) -> LoadedModel:
        if len(self.residents.names) >= self.room:
            raise DeviceMemoryError(spec.name, spec.width, spec.height)
        self.loaded.append(spec.name)
        return LoadedModel(
            spec=spec,
            text_to_image=object(),
            image_to_image=None,
            capabilities=Capabilities(),
            dtype=torch.float32,
            revision=None,
        )

    def free(self) -> None:
        self.freed += 1


def test_a_model_is_loaded_once() -> None:
    device = Device()

    assert device.residents.get(A) is device.residents.get(A)
    assert device.loaded == ["a"]


def test_the_least_recently_used_model_gives_way() -> None:
    device = Device()

    for spec in (A, B, A, C):
        device.residents.get(spec)

    assert device.residents.names == ("a", "c")


def test_room_is_made_before_the_next_model_is_loaded() -> None:
    device = Device(room=2)

    for spec in (A, B, C):
        device.residents.get(spec)

    assert device.loaded == ["a", "b", "c"]


def test_when_memory_runs_out_the_others_go_and_the_model_is_tried_again() -> None:
    device = Device(room=1)
    device.residents.get(A)

    device.residents.get(B)

    assert device.residents.names == ("b",)


def test_a_model_that_does_not_even_fit_alone_is_an_error() -> None:
    device = Device(room=0)

    with pytest.raises(DeviceMemoryError):
        device.residents.get(A)

    assert device.residents.names == ()


def test_dropped_models_give_their_memory_back() -> None:
    device = Device()
    device.residents.get(A)
    before = device.freed

    device.residents.keep(0)

    assert (device.residents.names, device.freed) == ((), before + 1)


def test_nothing_is_given_back_when_nothing_is_dropped() -> None:
    device = Device()
    device.residents.get(A)

    device.residents.keep(1)

    assert device.freed == 0
