"""Where a reader of a stream stands: the batch at hand, and how much of it was handed out."""

from __future__ import annotations

from collections.abc import Iterator
from operator import length_hint
from typing import Generic, TypeVar

from ._events import RelayEvent, RelayGap, RelayItem, RelayReset, TurnEvent

E = TypeVar("E", TurnEvent, RelayItem)

TAKEN_OVER = "another loop has gone on with this stream; read it in one place and pass the events on"


class Place(Generic[E]):
    """A batch, and the loop that reads it.

    A stream has one reader at a time. A new loop goes on where the last one stopped; the one that it took over from, if
    it reads on, gets an error rather than a stream with holes. ``next()`` reads beside a loop, from the same batch.
    """

    def __init__(self) -> None:
        self._batch: list[E] = []
        self._before: int | None = None
        self._reader: object = None
        #: What was not handed out yet.
        self.ready: Iterator[E] = iter(())

    def begin(self) -> object:
        """A new reader goes on from here."""
        self._go_on(self.number, list(self.ready))
        self._reader = reader = object()
        return reader

    def check(self, reader: object) -> None:
        """Refuses a reader that another one has taken over from."""
        if reader is not self._reader:
            raise RuntimeError(TAKEN_OVER)

    @property
    def left(self) -> bool:
        """Whether there is something to hand out: another read may have gone on to the next batch."""
        return length_hint(self.ready) > 0

    def take(self, batch: list[E] | None) -> bool:
        """Goes on to the next batch, after what was put back meanwhile. ``False``: there is none."""
        number, rest = self.number, list(self.ready)
        self._go_on(number, rest + (batch or []))
        return batch is not None or self.left

    def put_back(self, event: E) -> None:
        """The event that was handed out last was not used: the next read hands it out."""
        rest: list[E] = [event]
        rest.extend(self.ready)
        self._go_on(self._number_before(len(rest)), rest)

    def _go_on(self, number: int | None, rest: list[E]) -> None:
        self._before, self._batch, self.ready = number, rest, iter(rest)

    @property
    def number(self) -> int | None:
        """The number of the last event that was handed out; ``None``: there was none."""
        return self._number_before(length_hint(self.ready))

    def _number_before(self, left: int) -> int | None:
        used = self._batch[: max(0, len(self._batch) - left)]
        return next((number for item in reversed(used) if (number := _number(item)) is not None), self._before)


def _number(item: TurnEvent | RelayItem) -> int | None:
    if isinstance(item, RelayReset):
        return item.head
    if isinstance(item, RelayGap):
        return max(0, item.oldest - 1)
    return item.id if isinstance(item, RelayEvent) else item.seq or None
