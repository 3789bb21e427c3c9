"""Downloads, whole or in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from os import PathLike
from pathlib import Path

from . import _native
from ._response import Headers
from ._wait import finished


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
        """Writes it to a local file."""
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
        #: The size in bytes, if the service sent it.
        self.content_length = native.content_length


class StreamedDownload(_Pieces):
    """A file that is being read, with bounded memory."""

    def iter_bytes(self) -> Iterator[bytes]:
        """Its bytes as they arrive. Raises an error if fewer arrive than the service announced."""
        while (piece := self._native.chunk().wait()) is not None:
            yield piece

    def read(self) -> bytes:
        """The rest of the file."""
        return b"".join(self.iter_bytes())

    def write_to_file(self, path: str | PathLike[str]) -> None:
        """Writes it to a local file."""
        with open(path, "wb") as file:
            file.writelines(self.iter_bytes())


class AsyncStreamedDownload(_Pieces):
    """A file that is being read, with bounded memory, in an asynchronous program."""

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Its bytes as they arrive. Raises an error if fewer arrive than the service announced."""
        while (piece := await finished(self._native.chunk())) is not None:
            yield piece

    async def read(self) -> bytes:
        """The rest of the file."""
        return b"".join([piece async for piece in self.iter_bytes()])

    async def write_to_file(self, path: str | PathLike[str]) -> None:
        """Writes it to a local file."""
        with open(path, "wb") as file:
            async for piece in self.iter_bytes():
                file.write(piece)
