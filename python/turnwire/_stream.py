"""Streams: one object to iterate, to ask, to answer with, and to leave.

The native module reads ahead and hands over events in batches; this side takes what is there and waits only for more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import _arguments, _native
from ._arguments import Answers, PermissionReply
from ._events import RelayItem, TurnEvent
from ._handlers import Handlers, attend, read
from ._models import Permission, Question, Turn, turn
from ._place import Place
from ._text import TextPieces

E = TypeVar("E", TurnEvent, RelayItem)
S = TypeVar("S", bound="_Stream[Any]")


class _Stream(Generic[E]):
    """What synchronous streams share."""

    _native: Any

    def __init__(self) -> None:
        self._place: Place[E] = Place()
        self._alone = _Alone()

    def __iter__(self) -> Iterator[E]:
        return self._events()

    def _events(self, *asking: bool) -> Iterator[E]:
        with self._alone:
            reader = self._place.begin()
        yield from self._place.ready
        while self._more(*asking, reader=reader):
            yield from self._place.ready

    def __next__(self) -> E:
        while True:
            for event in self._place.ready:
                return event
            if not self._more():
                raise StopIteration

    def _more(self, *asking: bool, reader: object = None) -> bool:
        with self._alone:
            if reader:
                self._place.check(reader)
            return self._place.left or self._place.take(self._native.wait(*asking))

    @property
    def request_id(self) -> str | None:
        """The service's ``x-request-id`` of the answer that opened the stream."""
        request_id: str | None = self._native.request_id
        return request_id

    def __reduce__(self) -> Any:
        # It says why not, and what to do instead.
        return self._native.__reduce__()

    def close(self) -> None:
        """Closes the connection at once. The turn goes on, unless it was started with ``cancel_on_close``."""
        self._native.close()

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Alone:
    """Refuses a second thread, which would take events away from the first: while that waits for the next batch, and while
    its handler runs, which may read on itself."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        #: The thread whose handler runs.
        self._handling: int | None = None

    def __enter__(self) -> None:
        if self._handling != threading.get_ident():
            self._acquire()

    def __exit__(self, *error: object) -> None:
        if self._handling != threading.get_ident():
            self._busy.release()

    def check(self) -> None:
        """Refuses another thread while a handler runs."""
        if self._handling not in (None, threading.get_ident()):
            self._refuse()

    @contextmanager
    def handling(self) -> Iterator[None]:
        """While a handler runs."""
        with self:
            outer, self._handling = self._handling, threading.get_ident()
            try:
                yield
            finally:
                # The lock goes with the outermost handler.
                if outer is None:
                    self._handling = None

    def _acquire(self) -> None:
        if not self._busy.acquire(blocking=False):
            self._refuse()

    def _refuse(self) -> None:
        raise RuntimeError("two threads read one stream at once; read it in one and pass the events on")


class TurnStream(_Stream[TurnEvent]):
    """A turn as it happens. Iterate it for its events; leave it to close the connection."""

    def __init__(
        self, native: _native.TurnStream, cursor: str | None = None, *, handlers: Handlers | None = None
    ) -> None:
        super().__init__()
        self._native = native
        self._cursor = cursor
        self._handlers = handlers or Handlers()

    def _events(self, *asking: bool) -> Iterator[TurnEvent]:
        events = super()._events(*asking)
        return self._attended(events) if self._handlers else events

    def _attended(self, events: Iterator[TurnEvent]) -> Iterator[TurnEvent]:
        while True:
            self._alone.check()
            event = next(events, None)
            if event is None:
                return
            self._attend(event)
            yield event

    def _attend(self, event: TurnEvent) -> None:
        request = self._handlers.asked(event)
        if not request:
            return
        try:
            with self._alone.handling():
                if self._native.claim(request.request_id):
                    attend(self, request, self._handlers)
        except BaseException:
            self._place.put_back(event)
            raise

    def __next__(self) -> TurnEvent:
        self._alone.check()
        event = super().__next__()
        self._attend(event)
        return event

    def result(self) -> Turn:
        """The whole turn. Raises ``TurnFailedError`` if it failed or was interrupted, and ``InputRequiredError`` if
        the agent waits for an answer. It takes no event away from who iterates the stream, before, beside or after."""
        while (met := read(self._native.attend().wait())) is not None:
            if isinstance(met, list):
                self._native.tell(met)
            else:
                attend(self, met, self._handlers)
        return turn(self._native.result().wait())

    @property
    def snapshot(self) -> Turn:
        """The turn so far; never raises."""
        return turn(self._native.snapshot())

    @property
    def text_stream(self) -> Iterator[str]:
        """The text of the agent's answers as it comes, an empty line between two parts. Ends as ``result()`` does."""
        pieces = TextPieces()
        for event in self._events(True):
            yield from pieces.of(event)
        self.result()

    @property
    def cursor(self) -> str | None:
        """Where ``client.chat.resume`` goes on, in another process if need be."""
        number = self._place.number
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
        try:
            return f"TurnStream(chat_id={self.chat_id!r}, turn_id={self.turn_id!r})"
        except RuntimeError:
            return "TurnStream(opened before fork())"


class RelayStream(_Stream[RelayItem]):
    """The runtime's own events of a chat. Reconnects by itself."""

    def __init__(self, native: _native.RelayStream) -> None:
        super().__init__()
        self._native = native

    @property
    def last_event_id(self) -> int | None:
        """The number of the last event handed out, or of the one the relay began after;
        ``client.chat.stream(id, last_event_id=…)`` goes on after it. ``None``: the service does not tell."""
        number = self._place.number
        began: int | None = self._native.began_after
        return began if number is None else number

    def __repr__(self) -> str:
        try:
            return f"RelayStream(last_event_id={self.last_event_id!r})"
        except RuntimeError:
            return "RelayStream(opened before fork())"
