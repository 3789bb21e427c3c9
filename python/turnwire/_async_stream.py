"""Streams in an asynchronous program. The first await, entry or iteration opens the stream."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Generator
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import _arguments, _native
from ._arguments import Answers, PermissionReply
from ._events import RelayItem, TurnEvent
from ._handlers import Handlers, read
from ._models import Permission, Question, Turn, turn
from ._text import TextPieces
from ._wait import finished, hub_of

E = TypeVar("E", TurnEvent, RelayItem)
S = TypeVar("S", bound="_AsyncStream[Any]")


#: After this many events in a row the loop yields to other tasks, so that a cancellation can arrive even if more is
#: ready.
_IN_A_ROW = 256


class _AsyncStream(Generic[E]):
    """The base of asynchronous streams."""

    def __init__(self, start: Callable[[], _native.Task], native: Any = None) -> None:
        self._start = start
        self._native: Any = native
        self._begun = False
        self._closed = False
        #: Held while the stream is being opened.
        self._opening = asyncio.Lock()
        #: The number of events since a reader last waited.
        self._in_a_row = 0

    async def _open(self) -> Any:
        """Opens and returns the native stream. Errors of the service are raised here."""
        if self._native is None:
            async with self._opening:
                if self._native is None:
                    if self._closed or self._begun:
                        raise RuntimeError("this stream is closed: it failed to open, or was left before it was open")
                    # Never open twice: the first request may have started a turn.
                    self._begun = True
                    self._native = await finished(self._start())
                    if self._closed:
                        self._native.close()
        return self._native

    async def _opened(self: S) -> S:
        await self._open()
        return self

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled: a stream belongs to its process; pass its cursor on instead"
        )

    def __await__(self: S) -> Generator[Any, Any, S]:
        return self._opened().__await__()

    async def __aenter__(self: S) -> S:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[E]:
        return _Reader(self)

    async def __anext__(self) -> E:
        native = await self._open()
        return await self._next(native, 0)

    async def _next(self, native: Any, reader: int, asking: bool = False) -> E:
        """Waits for the next event of this reader (0: a call outside any loop)."""
        while (event := native.at_hand(reader)) is None:
            if not await self._more(native, asking):
                raise StopAsyncIteration
        return await self._attended(event)

    async def _attended(self, event: E) -> E:
        """Returns the event after a handler has answered its request."""
        return event

    async def _more(self, native: Any, asking: bool) -> bool:
        """Waits until an event is ready; ``False`` if there will be none."""
        native.hold()
        try:
            if self._in_a_row >= _IN_A_ROW:
                self._in_a_row = 0
                await asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            hub = hub_of(loop)
            # A number of events, or a task to wait for.
            while not isinstance(got := native.poll(loop, hub, asking), int):
                self._in_a_row = 0
                await got
            self._in_a_row += got
            return got > 0
        finally:
            native.release()

    @property
    def request_id(self) -> str | None:
        """The service's ``x-request-id`` of the answer that is being read."""
        return self._native.request_id if self._native else None

    async def close(self) -> None:
        """Closes the connection at once. The turn continues, unless it was started with ``cancel_on_close``."""
        self._closed = True
        if self._native:
            self._native.close()

    aclose = close


class _Reader(Generic[E]):
    """One loop over a stream."""

    __slots__ = ("_asking", "_at_hand", "_attends", "_reader", "_stream")

    def __init__(self, stream: _AsyncStream[E], asking: bool = False, attends: bool = False) -> None:
        self._stream: _AsyncStream[E] = stream
        self._asking = asking
        #: Whether events may be passed to handlers.
        self._attends = attends
        self._reader = 0
        self._at_hand: Callable[[int], E | None] | None = None

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        if self._at_hand is None:
            native = await self._stream._open()
            self._reader = native.begin()
            self._at_hand = native.at_hand
        event = self._at_hand(self._reader)
        if event is None or self._attends:
            stream = self._stream
            if event is not None:
                return await stream._attended(event)
            return await stream._next(stream._native, self._reader, self._asking)
        return event


class AsyncTurnStream(_AsyncStream[TurnEvent]):
    """A running turn. Await, enter or iterate it; leave its context to close the connection."""

    def __init__(
        self,
        start: Callable[[], _native.Task],
        native: Any = None,
        cursor: str | None = None,
        *,
        handlers: Handlers | None = None,
    ) -> None:
        super().__init__(start, native)
        self._cursor = cursor
        self._handlers = handlers or Handlers()

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        return _Reader(self, attends=bool(self._handlers))

    async def _attended(self, event: TurnEvent) -> TurnEvent:
        if self._handlers:
            request = self._handlers.asked(event)
            if request and self._native.claim(request.request_id):
                self._native.hold()
                try:
                    await self._attend(request)
                except BaseException:
                    self._native.put_back(event)
                    raise
                finally:
                    self._native.release()
        return event

    async def _attend(self, request: Question | Permission) -> None:
        """Calls the handler of a request and sends its answer; handlers may be coroutines."""
        try:
            answer = self._handlers.answer(request)
            if inspect.isawaitable(answer):
                answer = await answer
            if isinstance(request, Permission):
                await self.allow(request, answer)
            elif answer is None:
                await self.reject(request)
            else:
                await self.answer(request, answer)
        except BaseException:
            self._native.retract(request.request_id)
            raise

    async def result(self) -> Turn:
        """The whole turn. Raises ``TurnFailedError`` if it failed or was interrupted, and ``InputRequiredError`` if
        the agent waits for an answer. It consumes no event: a loop before, beside or after it gets all of them."""
        native = await self._open()
        while (met := read(await finished(native.attend()))) is not None:
            if isinstance(met, list):
                native.tell(met)
            else:
                await self._attend(met)
        return turn(native.outcome())

    @property
    def snapshot(self) -> Turn:
        """The turn so far; never raises."""
        return turn(self._native.snapshot()) if self._native else Turn()

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """The text of the agent's answers as it arrives, with an empty line between two parts. It ends like
        ``result()``."""
        return self._text()

    async def _text(self) -> AsyncIterator[str]:
        pieces = TextPieces()
        async for event in _Reader(self, True, bool(self._handlers)):
            for piece in pieces.of(event):
                yield piece
        await self.result()

    @property
    def cursor(self) -> str | None:
        """The position from which ``client.chat.resume`` continues, also in another process."""
        number = self._native.number if self._native else None
        if not self._native or (number is None and self._cursor):
            return self._cursor
        cursor: str | None = self._native.cursor_after(number or 0)
        return cursor

    @property
    def chat_id(self) -> str | None:
        """The chat, once the stream is open."""
        return self._native.chat_id if self._native else None

    @property
    def turn_id(self) -> str | None:
        """The turn, once it is known."""
        return self._native.turn_id if self._native else None

    async def answer(self, question: Question | str, answers: Answers) -> None:
        """Answers a question of this turn: one list of labels, or of free text, for each question in the request."""
        native = await self._open()
        await finished(native.answer(_arguments.request_id(question), _arguments.answers(answers)))

    async def reject(self, question: Question | str) -> None:
        """Refuses to answer."""
        native = await self._open()
        await finished(native.reject(_arguments.request_id(question)))

    async def allow(
        self, permission: Permission | str, reply: PermissionReply = "once", message: str | None = None
    ) -> None:
        """Grants the permission that the agent requests, once or always, or refuses it."""
        native = await self._open()
        await finished(native.allow(_arguments.request_id(permission), reply, message))

    async def cancel(self) -> None:
        """Cancels this turn and no other; its events continue to the end."""
        native = await self._open()
        await finished(native.cancel())

    def __repr__(self) -> str:
        try:
            return f"AsyncTurnStream(chat_id={self.chat_id!r}, turn_id={self.turn_id!r})"
        except RuntimeError:
            return "AsyncTurnStream(opened before fork())"


class AsyncRelayStream(_AsyncStream[RelayItem]):
    """The runtime's raw events of a chat. Await, enter or iterate it. It reconnects automatically."""

    def __init__(self, start: Callable[[], _native.Task], last_event_id: int | None) -> None:
        super().__init__(start)
        self._start_id = last_event_id

    @property
    def last_event_id(self) -> int | None:
        """The number of the last delivered event, or of the one after which the relay began.
        ``client.chat.stream(id, last_event_id=…)`` continues after it. ``None`` if the service does not report it."""
        number: int | None = self._native.number if self._native else None
        began: int | None = self._native.began_after if self._native else self._start_id
        return began if number is None else number

    def __repr__(self) -> str:
        try:
            return f"AsyncRelayStream(last_event_id={self.last_event_id!r})"
        except RuntimeError:
            return "AsyncRelayStream(opened before fork())"
