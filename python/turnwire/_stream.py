"""Streams: one object to iterate, to ask, to answer with, and to leave.

The native module reads ahead and hands over events in batches; this side takes what is there and waits only for more.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import _arguments, _native
from ._arguments import Answers, PermissionReply
from ._models import Permission, Question, Turn, turn
from ._events import RelayItem, TurnEvent

E = TypeVar("E")
S = TypeVar("S", bound="_Stream[Any]")


class _Stream(Generic[E]):
    """What synchronous streams share."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._ready: Iterator[E] = iter(())

    def __iter__(self) -> Iterator[E]:
        while True:
            yield from self._ready
            if not self._fill():
                return

    def __next__(self) -> E:
        for event in self._ready:
            return event
        if self._fill():
            return next(self._ready)
        raise StopIteration

    def _fill(self) -> bool:
        batch = self._native.wait()
        self._ready = iter(batch or ())
        return batch is not None

    @property
    def request_id(self) -> str | None:
        """The service's ``x-request-id`` of the answer that is being read."""
        request_id: str | None = self._native.request_id
        return request_id

    def close(self) -> None:
        """Closes the connection at once. The turn goes on, unless it was started with ``cancel_on_close``."""
        self._native.close()

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TurnStream(_Stream[TurnEvent]):
    """A turn as it happens. Iterate it for its events; leave it to close the connection."""

    _native: _native.TurnStream

    def result(self) -> Turn:
        """The whole turn. Raises ``TurnFailedError`` if it failed or was interrupted, and ``InputRequiredError`` if
        the agent waits for an answer."""
        self._ready = iter(())
        return turn(self._native.result())

    @property
    def snapshot(self) -> Turn:
        """The turn so far; never raises."""
        return turn(self._native.snapshot())

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the agent's answers as it comes, an empty line between two parts. Ends as ``result()`` does."""
        text = _native.TextStream()
        for event in self:
            if piece := text.push(event):
                yield piece
        self._native.result()

    @property
    def cursor(self) -> str | None:
        """Where ``client.chat.resume`` goes on, in another process if need be."""
        return self._native.cursor

    @property
    def chat_id(self) -> str:
        """The chat."""
        return self._native.chat_id

    @property
    def turn_id(self) -> str | None:
        """The turn, once it is known."""
        return self._native.turn_id

    def answer(self, question: Question | str, answers: Answers) -> None:
        """Answers a question of this turn: one list of labels, or of free text, for each that it asked."""
        self._native.answer(_arguments.request_id(question), _arguments.answers(answers)).wait()

    def reject(self, question: Question | str) -> None:
        """Refuses to answer."""
        self._native.reject(_arguments.request_id(question)).wait()

    def allow(self, permission: Permission | str, reply: PermissionReply = "once", message: str | None = None) -> None:
        """Grants what the agent asks to do, this once or always, or refuses it."""
        self._native.allow(_arguments.request_id(permission), reply, message).wait()

    def cancel(self) -> None:
        """Cancels this turn, and no other; its events go on to the end."""
        self._native.cancel().wait()

    def __repr__(self) -> str:
        return f"TurnStream(chat_id={self.chat_id!r}, turn_id={self.turn_id!r})"


class RelayStream(_Stream[RelayItem]):
    """The runtime's own events of a chat. Reconnects by itself."""

    _native: _native.RelayStream

    @property
    def last_event_id(self) -> int | None:
        """The number of the last event handed out; ``client.chat.stream(id, last_event_id=…)`` goes on after it."""
        return self._native.last_event_id

    def __repr__(self) -> str:
        return f"RelayStream(last_event_id={self.last_event_id!r})"
