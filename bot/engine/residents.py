"""The models in memory: at most so many, the least recently used one gives way."""

from collections import OrderedDict
from collections.abc import Callable

from bot.core.catalog import ModelSpec
from bot.core.errors import DeviceMemoryError
from bot.engine.loading import LoadedModel


class Residents:
    """For the device's thread alone, but for `names`.

    Args:
        load: loads a model, or raises.
        free: gives the memory of dropped models back.
        limit: most models in memory, at least 1.
    """

    def __init__(
        self, load: Callable[[ModelSpec], LoadedModel], free: Callable[[], None], limit: int
    ) -> None:
        self._load = load
        self._free = free
        self._limit = limit
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

    def keep(self, count: int) -> None:
        """Drop all but the `count` most recently used models, and give their memory back."""
        dropped = len(self._models) > count
        while len(self._models) > count:
            self._models.popitem(last=False)
        self.names = tuple(self._models)
        if dropped:
            self._free()

    def _load_somehow(self, spec: ModelSpec) -> LoadedModel:
        try:
            return self._load(spec)
        except DeviceMemoryError:
            if not self._models:
                raise
        self.keep(0)  # the others may be what fills the device
        return self._load(spec)
