"""Streams: one object to iterate, to inspect, to answer requests with, and to close.

The native module returns events one by one; the thread that waits for the next one reads the socket itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import _arguments, _native
from ._arguments import Answers, PermissionReply
from ._events import RelayItem, TurnEvent
from ._handlers import Handlers, read
from ._models import Permission, Question, Turn, turn
from ._text import TextPieces

E = TypeVar("E", TurnEvent, RelayItem)
S = TypeVar("S", bound="_Stream[Any]")


class _Stream(Generic[E]):
    """The base of synchronous streams."""

    _native: Any

    def __iter__(self) -> Iterator[E]:
        events: Iterator[E] = self._native.iterate()
        return events

    def __next__(self) -> E:
        event: E | None = self._native.next()
        if event is None:
            raise StopIteration
        return event

    @property
    def request_id(self) -> str | None:
        """The service's ``x-request-id`` of the answer that opened the stream."""
        request_id: str | None = self._native.request_id
        return request_id

    def __reduce__(self) -> Any:
        # The message says why, and what to do instead.
        return self._native.__reduce__()

    def close(self) -> None:
        """Closes the connection at once. The turn continues, unless it was started with ``cancel_on_close``."""
        self._native.close()

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TurnStream(_Stream[TurnEvent]):
    """A running turn. Iterate it for its events; leave its context to close the connection."""

    def __init__(
        self, native: _native.TurnStream, cursor: str | None = None, *, handlers: Handlers | None = None
    ) -> None:
        self._native = native
        self._cursor = cursor
        self._handlers = handlers or Handlers()

    def __iter__(self) -> Iterator[TurnEvent]:
        return self._events()

    def _events(self, asking: bool = False) -> Iterator[TurnEvent]:
        events: Iterator[TurnEvent] = self._native.iterate(asking)
        return map(self._attended, events) if self._handlers else events

    def __next__(self) -> TurnEvent:
        event = super().__next__()
        return self._attended(event) if self._handlers else event

    def _attended(self, event: TurnEvent) -> TurnEvent:
        """Returns the event after its request was passed to the handler; no other reader continues meanwhile."""
        request = self._handlers.asked(event)
        if request:
            self._native.hold(True)
            try:
                if self._native.claim(request.request_id):
                    self._attend(request)
            except BaseException:
                self._native.put_back(event)
                raise
            finally:
                self._native.release()
        return event

    def _attend(self, request: Question | Permission) -> None:
        """Calls the handler of a request and sends its answer."""
        try:
            answer = self._handlers.answer(request)
            if isinstance(request, Permission):
                self.allow(request, answer)
            elif answer is None:
                self.reject(request)
            else:
                self.answer(request, answer)
        except BaseException:
            self._native.retract(request.request_id)
            raise

    def result(self) -> Turn:
        """The whole turn. Raises ``TurnFailedError`` if it failed or was interrupted, and ``InputRequiredError`` if
        the agent waits for an answer. It consumes no event: a loop before, beside or after it gets all of them."""
        while (met := read(self._native.attend().wait())) is not None:
            if isinstance(met, list):
                self._native.tell(met)
            else:
                self._attend(met)
        return turn(self._native.outcome())

    @property
    def snapshot(self) -> Turn:
        """The turn so far; never raises."""
        return turn(self._native.snapshot())

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the agent's answers as it arrives, with an empty line between two parts. It ends like
        ``result()``."""
        pieces = TextPieces()
        for event in self._events(True):
            yield from pieces.of(event)
        self.result()

    @property
    def cursor(self) -> str | None:
        """The position from which ``client.chat.resume`` continues, also in another process."""
        number = self._native.number
        if number is None and self._cursor:
            return self._cursor
        cursor: str | None = self._native.cursor_after(number or 0)
        return cursor

    @property
    def chat_id(self) -> str:
        """The chat."""
        chat_id: str = self._native.chat_id
        return chat_id

    @property
    def turn_id(self) -> str | None:
        """The turn, once it is known."""
        turn_id: str | None = self._native.turn_id
        return turn_id

    def answer(self, question: Question | str, answers: Answers) -> None:
        """Answers a question of this turn: one list of labels, or of free text, for each question in the request."""
        self._native.answer(_arguments.request_id(question), _arguments.answers(answers)).wait()

    def reject(self, question: Question | str) -> None:
        """Refuses to answer."""
        self._native.reject(_arguments.request_id(question)).wait()

    def allow(self, permission: Permission | str, reply: PermissionReply = "once", message: str | None = None) -> None:
        """Grants the permission that the agent requests, once or always, or refuses it."""
        self._native.allow(_arguments.request_id(permission), reply, message).wait()

    def cancel(self) -> None:
        """Cancels this turn and no other; its events continue to the end."""
        self._native.cancel().wait()

    def __repr__(self) -> str:
        try:
            return f"TurnStream(chat_id={self.chat_id!r}, turn_id={self.turn_id!r})"
        except RuntimeError:
            return "TurnStream(opened before fork())"


class RelayStream(_Stream[RelayItem]):
    """The runtime's raw events of a chat. It reconnects automatically."""

    def __init__(self, native: _native.RelayStream) -> None:
        self._native = native

    @property
    def last_event_id(self) -> int | None:
        """The number of the last delivered event, or of the one after which the relay began.
        ``client.chat.stream(id, last_event_id=…)`` continues after it. ``None`` if the service does not report it."""
        number: int | None = self._native.number
        began: int | None = self._native.began_after
        return began if number is None else number

    def __repr__(self) -> str:
        try:
            return f"RelayStream(last_event_id={self.last_event_id!r})"
        except RuntimeError:
            return "RelayStream(opened before fork())"
