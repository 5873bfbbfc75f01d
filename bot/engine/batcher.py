"""Many pictures, step by step: one tick takes one step of those whose turn it is, together."""

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch

from bot.core.errors import AtelierError, DeviceLostError, UnsafeImageError
from bot.core.jobs import Render
from bot.core.ports import OnPreview
from bot.engine.denoising import Denoising, Order
from bot.engine.devices import versions
from bot.engine.embeddings import Embeddings
from bot.engine.families.family import DECODES_AT_ONCE, Family, Row
from bot.engine.faults import generation_fault
from bot.engine.host import attempt
from bot.engine.lanes import Lane, Lanes
from bot.engine.loading import LoadedModel
from bot.engine.options import EngineOptions
from bot.engine.outgoing import Outgoing
from bot.engine.planner import Bucket, Candidate, choose
from bot.engine.previews import GAP, MOST_SHARE, Previews, fit_previews
from bot.engine.tally import Tally
from bot.engine.under_way import UnderWay

P = ParamSpec("P")
T = TypeVar("T")
Owned = tuple[Denoising, Row]


class Batcher:
    """For the device's thread. An order's outcome is set here, and only here, once it was added.

    Args:
        make_room: gives back what is idle; called when memory ran out.
        clock: seconds.
        lanes: what was measured before; None for nothing.
    """

    def __init__(
        self,
        options: EngineOptions,
        make_room: Callable[[], None],
        clock: Callable[[], float],
        lanes: Lanes | None = None,
    ) -> None:
        self._options = options
        self._make_room = make_room
        self._clock = clock
        self.lanes = lanes or Lanes(options, clock)
        self.embeddings = Embeddings()
        self.tally = Tally()
        self._pictures = UnderWay(self._make_more_room)
        self._previews: dict[str, Previews | None] = {}

    @property
    def is_busy(self) -> bool:
        return bool(self._pictures.all)

    @property
    def models(self) -> set[str]:
        """Names of the models that pictures are being made with."""
        return {denoising.recipe.model for denoising in self._pictures.all}

    def prepare(self, bucket: Bucket, family: Family) -> None:
        """Measure a model at a size, and fit its previews, so that no picture waits for that.

        Where there is no memory for it, nothing is lost: each picture finds out for itself.

        Raises:
            EngineError: it fails for another reason.
        """
        with family.compiling():
            if attempt(bucket.model, self._lane, bucket, family) is None:
                self._make_more_room()
                attempt(bucket.model, self._lane, bucket, family)
        if not family.has_checker:
            self._fit_previews(bucket.model, family)

    def add(self, order: Order, model: LoadedModel, family: Family) -> None:
        """Take an order up. What is wrong with it becomes its outcome."""
        recipe = order.recipe
        try:
            denoising = Denoising(order, model, family)
        except Exception as error:  # noqa: BLE001 - whatever diffusers says of a scheduler
            order.outcome.set_exception(generation_fault(error, recipe.model))
            return
        self.lanes.learn_scheduler(recipe.model, recipe.scheduler, denoising.scheduler.order)
        self._pictures.active.append(denoising)

    def drop(self, error: AtelierError) -> None:
        """End everything with `error`."""
        self._pictures.drop(error)
        self.embeddings.forget()

    def tick(self) -> None:
        """One decode, if one waits, and one step of those whose turn it is.

        Raises:
            DeviceLostError: the device will not work again.
        """
        with self.tally.timed("tick", self._clock), torch.no_grad():
            self.tally.ticks += 1
            self._pictures.drop_stopped()
            self._decode_some()
            if chosen := self._choose():
                self._step(chosen)
            self._hand_out(wait=not self._pictures.active and not self._pictures.over)

    def _make_more_room(self) -> None:
        self.embeddings.forget()
        self._make_room()

    # Choosing.

    def _choose(self) -> list[Denoising]:
        candidates = []
        for denoising in self._pictures.active:
            lane = self._pictures.attempt(denoising, self._lane, denoising.bucket, denoising.family)
            if lane is not None:
                candidates.append(_candidate(denoising, lane))
        chosen = choose(candidates, self.lanes.cap, self._clock(), self._options.ageing)
        return [denoising for denoising in chosen if denoising.is_begun or self._begin(denoising)]

    def _lane(self, bucket: Bucket, family: Family) -> Lane:
        with torch.no_grad():
            return self.lanes.get(bucket, family)

    def _begin(self, denoising: Denoising) -> bool:
        begun = self._clock()
        with self.tally.timed("begin", self._clock):
            done = self._pictures.attempt_in_tiles(denoising, denoising.begin, self.embeddings)
        denoising.device_ms += (self._clock() - begun) * 1000
        return done is not None

    # One forward, and what follows from it.

    def _step(self, chosen: list[Denoising]) -> None:
        owned: list[Owned] = []
        with self.tally.timed("scheduler", self._clock):
            for denoising in chosen:
                rows = self._pictures.attempt(denoising, denoising.rows)
                owned += [(denoising, row) for row in rows or ()]
        if not owned:
            return
        family, bucket = owned[0][0].family, owned[0][0].bucket
        begun = self._clock()
        with self.tally.timed("forward", self._clock):
            predictions = self._predict(bucket, owned)
            family.synchronize()
        share = (self._clock() - begun) * 1000 / len(owned)
        if len(chosen) < len(self._pictures.active):
            self.tally.backlog_forwards += 1
            self.tally.backlog_rows += len(owned)
        for denoising in chosen:
            own = [p for (owner, _), p in zip(owned, predictions, strict=True) if owner is denoising]
            made = [p for p in own if p is not None]
            denoising.device_ms += share * len(own)
            if own and len(made) == len(own):
                self._advance(denoising, made)

    def _predict(self, bucket: Bucket, owned: Sequence[Owned]) -> list[torch.Tensor | None]:
        """What the model predicts for each row; None for the rows of a picture that failed or starts again.

        In parts, where there are more rows than pay. No step is committed yet, so a part that fails is
        run again by halves, down to the row whose fault it is.
        """
        count, cap = len(owned), self.lanes.cap(bucket)
        if count == 1:
            return [self._predict_one(*owned[0])]
        if count <= cap:
            made = self._predict_several(bucket, owned)
            if made is not None:
                return list(made.split(1))
        middle = cap if count > cap else count // 2
        first = self._predict(bucket, owned[:middle])
        return first + self._predict(bucket, owned[middle:])

    def _predict_several(self, bucket: Bucket, owned: Sequence[Owned]) -> torch.Tensor | None:
        denoising, rows = owned[0][0], [row for _, row in owned]
        try:
            made = attempt(bucket.model, self._forward, denoising.family, rows)
        except DeviceLostError:
            raise
        except AtelierError:
            return None
        if made is None and not self._options.exact_rows:  # those are filled up again anyway
            self.lanes.lower(bucket, len(owned) // 2)
        return made

    def _predict_one(self, denoising: Denoising, row: Row) -> torch.Tensor | None:
        if denoising not in self._pictures.active or not denoising.is_begun:
            return None  # its other row has failed
        return self._pictures.attempt(denoising, self._forward, denoising.family, [row])

    def _forward(self, family: Family, rows: list[Row]) -> torch.Tensor:
        made = family.predict(rows, self._options.exact_rows)
        self.tally.forwards += 1
        self.tally.rows += len(rows)
        return made

    def _advance(self, denoising: Denoising, predictions: list[torch.Tensor]) -> None:
        with self.tally.timed("scheduler", self._clock):
            # A scheduler that was interrupted in its step has moved on half-way.
            seen = self._pictures.attempt_once(denoising, denoising.advance, predictions)
        if seen is None:
            return
        if denoising.is_over:
            self._pictures.active.remove(denoising)
            self._pictures.over.append(denoising)
        elif denoising.order.on_preview and not denoising.family.has_checker:
            self._show_preview(denoising, denoising.order.on_preview, seen)

    def _show_preview(self, denoising: Denoising, show: OnPreview, latents: torch.Tensor) -> None:
        now, spent = self._clock(), self.tally.seconds
        if denoising.next_preview is None:
            denoising.next_preview = now + GAP  # not at once: noise shows nothing
        if now < denoising.next_preview or spent["preview"] > MOST_SHARE * spent["forward"]:
            return
        denoising.next_preview = now + GAP
        previews = self._fit_previews(denoising.recipe.model, denoising.family)
        with self.tally.timed("preview", self._clock):
            picture = previews and _or_nothing(denoising.recipe.model, previews.picture, latents)
        if picture:
            self.tally.previews += 1
            show(picture)

    def _fit_previews(self, model: str, family: Family) -> Previews | None:
        """The model's previews; None for one that cannot be fitted: no picture fails for that."""
        if model not in self._previews:
            with torch.no_grad():
                self._previews[model] = _or_nothing(model, fit_previews, family)
        return self._previews[model]

    # Decoding, and handing out.

    def _decode_some(self) -> None:
        if not self._pictures.over:
            return
        first = self._pictures.over[0]
        most = 1 if first.family.device == "cpu" or self._options.exact_rows else DECODES_AT_ONCE
        batch = [denoising for denoising in self._pictures.over if denoising.bucket == first.bucket][:most]
        begun = self._clock()
        with self.tally.timed("decode", self._clock):
            made = _or_nothing(first.recipe.model, _decode, batch) if len(batch) > 1 else None
            for place, denoising in enumerate(batch):
                # One by one if need be, so that only the picture fails whose fault it was.
                outgoing = (
                    made[place]
                    if made
                    else self._pictures.attempt_in_tiles(denoising, _decode_one, denoising)
                )
                denoising.device_ms += (self._clock() - begun) * 1000 / len(batch)
                if outgoing is not None:
                    self.tally.decodes += 1
                    self._pictures.over.remove(denoising)
                    self._pictures.leaving.append((denoising, outgoing))

    def _hand_out(self, *, wait: bool) -> None:
        """Set the outcomes of the pictures that have arrived from the device."""
        for denoising, outgoing in self._pictures.leaving:
            if not wait and not outgoing.is_ready:
                continue
            render = self._pictures.attempt_once(denoising, _render, denoising, outgoing)
            if render is not None:
                self._pictures.leaving = [each for each in self._pictures.leaving if each[0] is not denoising]
                denoising.order.outcome.set_result(render)


def _candidate(denoising: Denoising, lane: Lane) -> Candidate[Denoising]:
    return Candidate(
        denoising,
        denoising.bucket,
        denoising.row_count,
        denoising.rows_left * lane.row_ms,
        denoising.order.since,
    )


def _decode(batch: Sequence[Denoising]) -> list[Outgoing]:
    """The pictures of finished latents. Raises UnsafeImageError when one of them is flagged."""
    family = batch[0].family
    images = family.decode(torch.cat([d.latents for d in batch if d.latents is not None])).split(1)
    if any(family.is_flagged(image) for image in images):
        raise UnsafeImageError(batch[0].recipe.model)
    return [Outgoing(image) for image in images]


def _decode_one(denoising: Denoising) -> Outgoing:
    return _decode([denoising])[0]


def _render(denoising: Denoising, outgoing: Outgoing) -> Render:
    return denoising.render(outgoing.picture(), versions(denoising.family.device, denoising.family.dtype))


def _or_nothing(model: str, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
    """What `work(*args)` returns; None for whatever goes wrong, but for DeviceLostError."""
    try:
        return attempt(model, work, *args, **named)
    except DeviceLostError:
        raise
    except AtelierError:
        return None
