"""The models in memory: at most so many, the least recently used one gives way."""

from collections import OrderedDict
from collections.abc import Callable, Collection

from bot.core.catalog import ModelSpec
from bot.core.errors import DeviceMemoryError
from bot.engine.loading import LoadedModel


class Residents:
    """For the device's thread alone, but for `names`.

    Args:
        load: loads a model, or raises.
        free: gives the memory of dropped models back.
        limit: most models in memory, at least 1; more only where those that are in use exceed it.
        in_use: names of the models that must stay, because pictures are being made with them.
    """

    def __init__(
        self,
        load: Callable[[ModelSpec], LoadedModel],
        free: Callable[[], None],
        limit: int,
        in_use: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._load = load
        self._free = free
        self._limit = limit
        self._in_use = in_use
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self.names: tuple[str, ...] = ()
        """Least recently used first; may be read from any thread."""

    def get(self, spec: ModelSpec) -> LoadedModel:
        """The model, loaded if need be.

        Raises:
            ModelUnavailableError: as `loading.load_model`.
            DeviceMemoryError: it does not fit, not even alone.
        """
        if spec.name not in self._models:
            self.keep(self._limit - 1)
            self._models[spec.name] = self._load_somehow(spec)
        self._models.move_to_end(spec.name)
        self.names = tuple(self._models)
        return self._models[spec.name]

    def has_room_for(self, name: str) -> bool:
        """Whether `name` is in memory, or could be without dropping another model."""
        return name in self._models or len(self._models) < self._limit

    def keep(self, count: int) -> bool:
        """Drop all but the `count` most recently used models, but none that is in use; whether any went."""
        in_use = self._in_use()
        idle = [name for name in self._models if name not in in_use]
        dropped = idle[: max(0, len(self._models) - count)]
        for name in dropped:
            del self._models[name]
        self.names = tuple(self._models)
        if dropped:
            self._free()
        return bool(dropped)

    def clear(self) -> None:
        """Drop every model, in use or not: the end."""
        self._models.clear()
        self.names = ()
        self._free()

    def _load_somehow(self, spec: ModelSpec) -> LoadedModel:
        try:
            return self._load(spec)
        except DeviceMemoryError:
            if not self._models:
                raise
        if not self.keep(0):  # the others may be what fills the device
            raise DeviceMemoryError(spec.name, spec.width, spec.height)
        return self._load(spec)
