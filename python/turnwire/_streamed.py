"""``with_streaming_response``: an answer whose body is read in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

from . import _native
from ._async_stream import AsyncRelayStream, AsyncTurnStream
from ._response import Headers
from ._stream import RelayStream, TurnStream

P = ParamSpec("P")
S = TypeVar("S", TurnStream, RelayStream)
A = TypeVar("A", AsyncTurnStream, AsyncRelayStream)
T = TypeVar("T")


class _Answer(Generic[T]):
    """The base of streaming answers."""

    def __init__(self, stream: T, native: _native.TurnStream | _native.RelayStream) -> None:
        self._stream = stream
        self.status_code = native.status
        self.headers = Headers(native.headers)
        #: The service's ``x-request-id``.
        self.request_id = native.request_id

    def parse(self) -> T:
        """The stream. Each event is delivered once, either here or as bytes."""
        return self._stream


class StreamedResponse(_Answer[S]):
    """A streaming answer, as an event stream or, by ``parse()``, as events.

    The event stream is written anew from the events, so that a broken connection does not show in it; heartbeats are
    left out.
    """

    def iter_bytes(self) -> Iterator[bytes]:
        """The event stream, a frame at a time."""
        for item in self._stream:
            yield _native.frame(item).encode()

    def iter_text(self) -> Iterator[str]:
        """The event stream as text, a frame at a time."""
        for item in self._stream:
            yield _native.frame(item)

    def iter_lines(self) -> Iterator[str]:
        """The event stream, a line at a time, without line ends."""
        for text in self.iter_text():
            yield from text.split("\n")[:-1]

    def read(self) -> bytes:
        """All that is left of the event stream."""
        return b"".join(self.iter_bytes())


class AsyncStreamedResponse(_Answer[A]):
    """A streaming answer, as an event stream or, by ``parse()``, as events, in an asynchronous program.

    The event stream is written anew from the events, so that a broken connection does not show in it; heartbeats are
    left out.
    """

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """The event stream, a frame at a time."""
        async for item in self._stream:
            yield _native.frame(item).encode()

    async def iter_text(self) -> AsyncIterator[str]:
        """The event stream as text, a frame at a time."""
        async for item in self._stream:
            yield _native.frame(item)

    async def iter_lines(self) -> AsyncIterator[str]:
        """The event stream, a line at a time, without line ends."""
        async for text in self.iter_text():
            for line in text.split("\n")[:-1]:
                yield line

    async def read(self) -> bytes:
        """All that is left of the event stream."""
        return b"".join([piece async for piece in self.iter_bytes()])


def streamed(method: Callable[P, S]) -> Callable[P, AbstractContextManager[StreamedResponse[S]]]:
    @contextmanager
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[StreamedResponse[S]]:
        with method(*args, **kwargs) as stream:
            yield StreamedResponse(stream, stream._native)

    return call


def async_streamed(method: Callable[P, A]) -> Callable[P, AbstractAsyncContextManager[AsyncStreamedResponse[A]]]:
    @asynccontextmanager
    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[AsyncStreamedResponse[A]]:
        async with method(*args, **kwargs) as stream:
            yield AsyncStreamedResponse(stream, stream._native)

    return call
