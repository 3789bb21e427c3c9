"""``with_streaming_response``: an answer whose body is read in pieces, and files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from . import _native
from ._async_stream import AsyncRelayStream, AsyncTurnStream
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


T = TypeVar("T")


class StreamedResponse(Generic[T]):
    """An answer that streams; ``parse()`` gives its stream."""

    def __init__(self, stream: T, request_id: str | None) -> None:
        self._stream = stream
        #: An error of the service is raised before there is a response.
        self.status_code = 200
        self.request_id = request_id

    def parse(self) -> T:
        """The stream."""
        return self._stream


def _streamed(method: Callable[P, S]) -> Callable[P, AbstractContextManager[StreamedResponse[S]]]:
    @contextmanager
    def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[StreamedResponse[S]]:
        with method(*args, **kwargs) as stream:
            yield StreamedResponse(stream, stream.request_id)

    return call


def _async_streamed(method: Callable[P, A]) -> Callable[P, AbstractAsyncContextManager[StreamedResponse[A]]]:
    @asynccontextmanager
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[StreamedResponse[A]]:
        async with method(*args, **kwargs) as stream:
            yield StreamedResponse(stream, stream.request_id)

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
