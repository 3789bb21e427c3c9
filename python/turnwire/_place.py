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
    it reads on, gets an error rather than a stream with holes.
    """

    def __init__(self) -> None:
        self._batch: list[E] = []
        self._before: int | None = None
        self._reader: object = None
        #: What was not handed out yet.
        self.ready: Iterator[E] = iter(())

    def begin(self) -> object:
        """A new reader goes on from here."""
        number, rest = self.number, list(self.ready)
        self._before, self._batch, self.ready = number, rest, iter(rest)
        self._reader = reader = object()
        return reader

    def check(self, reader: object) -> None:
        """Refuses a reader that another one has taken over from."""
        if reader is not self._reader:
            raise RuntimeError(TAKEN_OVER)

    def take(self, batch: list[E] | None) -> bool:
        """Goes on to the next batch. ``False``: there is none."""
        self._before = self.number
        self._batch = batch or []
        self.ready = iter(self._batch)
        return batch is not None

    @property
    def number(self) -> int | None:
        """The number of the last event that was handed out; ``None``: there was none."""
        told = self._batch[: len(self._batch) - length_hint(self.ready)]
        return next((number for item in reversed(told) if (number := _number(item)) is not None), self._before)


def _number(item: TurnEvent | RelayItem) -> int | None:
    if isinstance(item, RelayReset):
        return item.head
    if isinstance(item, RelayGap):
        return max(0, item.oldest - 1)
    return item.id if isinstance(item, RelayEvent) else item.seq or None
