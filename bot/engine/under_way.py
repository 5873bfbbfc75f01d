"""The pictures under way, and what is tried when one is in trouble: it is nobody else's."""

from collections.abc import Callable
from copy import copy
from typing import ParamSpec, TypeVar

from bot.core.errors import AtelierError, DeviceLostError, DeviceMemoryError
from bot.engine.denoising import Denoising
from bot.engine.faults import release
from bot.engine.host import attempt
from bot.engine.outgoing import Outgoing
from bot.engine.second_try import resized, smaller
from bot.engine.worker import Stopped

P = ParamSpec("P")
T = TypeVar("T")


class UnderWay:
    """For the device's thread. A picture is in one of three lines until its outcome is set.

    Args:
        make_room: gives back what is idle; called when memory ran out.
    """

    def __init__(self, make_room: Callable[[], None]) -> None:
        self._make_room = make_room
        self.active: list[Denoising] = []
        """Have steps to take."""
        self.over: list[Denoising] = []
        """Wait for their decode, first come first served: it ends a picture."""
        self.leaving: list[tuple[Denoising, Outgoing]] = []
        """Are on their way from the device."""

    @property
    def all(self) -> list[Denoising]:
        """Everyone, in any line."""
        return [*self.active, *self.over, *(denoising for denoising, _ in self.leaving)]

    def drop(self, error: AtelierError) -> None:
        """End everything with `error`."""
        for denoising in self.all:
            self.end(denoising, copy(error))

    def drop_stopped(self) -> None:
        """End what was called off."""
        for denoising in self.all:
            if denoising.order.stop.is_set():
                self.end(denoising, Stopped())

    def end(self, denoising: Denoising, error: Exception) -> None:
        """One picture comes to nothing."""
        self._leave(denoising)
        release(error)
        denoising.order.outcome.set_exception(error)

    def attempt(
        self, denoising: Denoising, work: Callable[P, T], *args: P.args, **named: P.kwargs
    ) -> T | None:
        """What `work(*args)` returns; None when the picture has failed, or starts again, smaller.

        `work` may be run more than once: when memory runs out, once more without what is idle. After that
        the picture starts again, smaller, once.

        Raises:
            DeviceLostError: the device will not work again.
        """
        return self._attempt((self._make_room,), denoising, work, *args, **named)

    def attempt_in_tiles(
        self, denoising: Denoising, work: Callable[P, T], *args: P.args, **named: P.kwargs
    ) -> T | None:
        """As `attempt`, for work of the VAE, which is then also tried in tiles."""
        remedies = (self._make_room, denoising.family.use_tiles)
        return self._attempt(remedies, denoising, work, *args, **named)

    def attempt_once(
        self, denoising: Denoising, work: Callable[P, T], *args: P.args, **named: P.kwargs
    ) -> T | None:
        """As `attempt`, for work that must not be done twice: the picture starts again instead."""
        return self._attempt((), denoising, work, *args, **named)

    def _attempt(
        self,
        remedies: tuple[Callable[[], object], ...],
        denoising: Denoising,
        work: Callable[P, T],
        *args: P.args,
        **named: P.kwargs,
    ) -> T | None:
        for remedy in (*remedies, self._nothing):
            try:
                done = attempt(denoising.recipe.model, work, *args, **named)
            except DeviceLostError:
                raise
            except AtelierError as error:
                self.end(denoising, error)
                return None
            if done is not None:
                return done
            remedy()
        self._start_again_smaller(denoising)
        return None

    def _nothing(self) -> None:
        """There is no remedy left."""

    def _start_again_smaller(self, denoising: Denoising) -> None:
        recipe = denoising.recipe
        if denoising.is_second_try:
            self.end(denoising, DeviceMemoryError(recipe.model, recipe.width, recipe.height))
            return
        try:
            recipe = smaller(recipe, denoising.model.spec)
        except DeviceMemoryError as error:
            self.end(denoising, error)
            return
        source = denoising.source and resized(denoising.source, recipe.width, recipe.height)
        denoising.restart(recipe, source)
        self._leave(denoising)
        self.active.append(denoising)

    def _leave(self, denoising: Denoising) -> None:
        self.active = [each for each in self.active if each is not denoising]
        self.over = [each for each in self.over if each is not denoising]
        self.leaving = [(each, outgoing) for each, outgoing in self.leaving if each is not denoising]
