"""``with_streaming_response``: an answer whose body is read in pieces, and files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from . import _native
from ._async_stream import AsyncRelayStream, AsyncTurnStream
from ._response import Headers
from ._stream import RelayStream, TurnStream
from ._wait import finished

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._async_chat import AsyncChats, AsyncFiles
    from ._chat import Chats, Files
    from ._options import Options

P = ParamSpec("P")
S = TypeVar("S", TurnStream, RelayStream)
A = TypeVar("A", AsyncTurnStream, AsyncRelayStream)
T = TypeVar("T")


class Download:
    """A file, whole."""

    def __init__(self, answer: tuple[bytes, str | None, str | None, str | None]) -> None:
        #: Its bytes.
        self.content, self.content_type, self.filename, self.request_id = answer

    def read(self) -> bytes:
        """Its bytes."""
        return self.content

    @property
    def text(self) -> str:
        """Its bytes as UTF-8 text."""
        return self.content.decode("utf-8", "replace")

    def write_to_file(self, path: str | PathLike[str]) -> None:
        """Writes it to a file of this machine."""
        Path(path).write_bytes(self.content)

    def __bytes__(self) -> bytes:
        return self.content

    def __len__(self) -> int:
        return len(self.content)

    def __repr__(self) -> str:
        return f"Download(filename={self.filename!r}, content_type={self.content_type!r}, bytes={len(self.content)})"


class _Pieces:
    """A file that is being read."""

    def __init__(self, native: _native.Download) -> None:
        self._native = native
        self.status_code = native.status
        self.headers = Headers(native.headers)
        self.request_id = native.request_id
        self.content_type = native.content_type
        self.filename = native.filename
        #: How many bytes there are, where the service says.
        self.content_length = native.content_length


class StreamedDownload(_Pieces):
    """A file that is being read, with bounded memory."""

    def iter_bytes(self) -> Iterator[bytes]:
        """Its bytes as they come. An error if fewer come than the service announced."""
        while (piece := self._native.chunk().wait()) is not None:
            yield piece

    def read(self) -> bytes:
        """All that is left of it."""
        return b"".join(self.iter_bytes())

    def write_to_file(self, path: str | PathLike[str]) -> None:
        """Writes it to a file of this machine."""
        with open(path, "wb") as file:
            file.writelines(self.iter_bytes())


class AsyncStreamedDownload(_Pieces):
    """A file that is being read, with bounded memory, in an asynchronous program."""

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Its bytes as they come. An error if fewer come than the service announced."""
        while (piece := await finished(self._native.chunk())) is not None:
            yield piece

    async def read(self) -> bytes:
        """All that is left of it."""
        return b"".join([piece async for piece in self.iter_bytes()])

    async def write_to_file(self, path: str | PathLike[str]) -> None:
        """Writes it to a file of this machine."""
        with open(path, "wb") as file:
            async for piece in self.iter_bytes():
                file.write(piece)


class _Answer(Generic[T]):
    """What answers that stream share."""

    def __init__(self, stream: T, native: _native.TurnStream | _native.RelayStream) -> None:
        self._stream = stream
        self.status_code = native.status
        self.headers = Headers(native.headers)
        #: The service's ``x-request-id``.
        self.request_id = native.request_id

    def parse(self) -> T:
        """The stream. Its events are read either here or as bytes: each is told once."""
        return self._stream


class StreamedResponse(_Answer[S]):
    """An answer that streams, as an event stream or, by ``parse()``, as events.

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
    """An answer that streams, as an event stream or, by ``parse()``, as events, in an asynchronous program.

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


def _streamed(method: Callable[P, S]) -> Callable[P, AbstractContextManager[StreamedResponse[S]]]:
    @contextmanager
    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[StreamedResponse[S]]:
        with method(*args, **kwargs) as stream:
            yield StreamedResponse(stream, stream._native)

    return call


def _async_streamed(method: Callable[P, A]) -> Callable[P, AbstractAsyncContextManager[AsyncStreamedResponse[A]]]:
    @asynccontextmanager
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[AsyncStreamedResponse[A]]:
        async with method(*args, **kwargs) as stream:
            yield AsyncStreamedResponse(stream, stream._native)

    return call


class StreamingChats:
    """``client.chat.with_streaming_response``."""

    def __init__(self, chats: Chats) -> None:
        self.respond = _streamed(chats.respond)
        self.resume = _streamed(chats.resume)
        self.stream = _streamed(chats.stream)
        self.files = StreamingFiles(chats.files)


class StreamingFiles:
    """``client.chat.with_streaming_response.files``."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @contextmanager
    def download(self, file_path: str, *, id: str, **options: Unpack[Options]) -> Iterator[StreamedDownload]:
        """A file, in pieces. Leaving closes the connection."""
        native = self._files._start("files.download", options, {"filePath": file_path, "id": id}).wait()
        try:
            yield StreamedDownload(native)
        finally:
            native.close().wait()


class AsyncStreamingChats:
    """``client.chat.with_streaming_response``."""

    def __init__(self, chats: AsyncChats) -> None:
        self.respond = _async_streamed(chats.respond)
        self.resume = _async_streamed(chats.resume)
        self.stream = _async_streamed(chats.stream)
        self.files = AsyncStreamingFiles(chats.files)


class AsyncStreamingFiles:
    """``client.chat.with_streaming_response.files``."""

    def __init__(self, files: AsyncFiles) -> None:
        self._files = files

    @asynccontextmanager
    async def download(
        self, file_path: str, *, id: str, **options: Unpack[Options]
    ) -> AsyncIterator[AsyncStreamedDownload]:
        """A file, in pieces. Leaving closes the connection."""
        native = await finished(self._files._start("files.download", options, {"filePath": file_path, "id": id}))
        try:
            yield AsyncStreamedDownload(native)
        finally:
            await finished(native.close())
