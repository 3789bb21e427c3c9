"""Sources of uploads. A value that cannot be read is refused, because it must not become an empty file."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from os import PathLike
from typing import IO, Any, Union

#: Bytes of any kind, text, an open binary file, a path, or an iterable of bytes. Sources other than bytes and text are
#: read while they are sent.
Content = Union[bytes, bytearray, memoryview, str, IO[bytes], PathLike[str], Iterable[bytes]]
#: The same, and an asynchronous iterable of bytes or an open asynchronous file.
AsyncContent = Union[Content, AsyncIterable[bytes]]

#: The size of one read.
SIZE = 256 * 1024


def at_hand(given: Any) -> bytes | str | None:
    """The bytes of a source that needs no reading, or the path of a file."""
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, PathLike):
        return _path(given)
    if isinstance(given, type):
        raise TypeError(f"content is the class {given.__name__}, not an object of it")
    if isinstance(given, io.TextIOBase):
        raise TypeError('content is a file opened as text; open it in binary mode, such as open(path, "rb")')
    with suppress(TypeError):
        return memoryview(given).tobytes()
    return None


class Reader:
    """A source that is read piece by piece; an empty piece is its end."""

    def __init__(self, given: Any) -> None:
        self._file = _File(given) if callable(getattr(given, "read", None)) else None
        self._pieces: Iterator[Any] = iter(()) if self._file else _pieces(given)
        self._reading = threading.Lock()
        self._is_left = False

    def read(self) -> bytes:
        with self._reading:
            data = self._read()
        if self._is_left:
            self._close()
        return data

    def _read(self) -> bytes:
        if self._file is not None:
            return b"" if self._file.ended else self._file.bytes_of(self._file.read())
        read, size = [], 0
        for piece in self._pieces:
            read.append(_bytes("a piece of content", piece))
            size += len(read[-1])
            if size >= SIZE:
                break
        return b"".join(read)

    @property
    def is_generator(self) -> bool:
        return inspect.isgenerator(self._pieces)

    def leave(self) -> None:
        """Closes a generator that is not read to its end: at once, or after the read that another thread is in."""
        self._is_left = True
        if self._reading.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._reading.release()

    def _close(self) -> None:
        if inspect.isgenerator(self._pieces):
            # It is its owner's too, who may run it on another thread.
            with suppress(ValueError):
                self._pieces.close()


class AsyncReader:
    """The same in an asynchronous program; blocking sources are read on another thread."""

    def __init__(self, given: Any) -> None:
        self._file = _File(given) if callable(getattr(given, "read", None)) else None
        self._pieces: AsyncIterator[Any] | None = None
        self._blocking: Reader | None = None
        if self._file is None and hasattr(given, "__aiter__"):
            _unspent(given)
            self._pieces = given.__aiter__()
        elif self._file is None:
            self._blocking = Reader(given)

    async def read(self) -> bytes:
        if self._blocking is not None:
            return await asyncio.to_thread(self._blocking.read)
        if self._file is not None:
            return b"" if self._file.ended else self._file.bytes_of(await self._file.read_async())
        read, size = [], 0
        while self._pieces is not None and size < SIZE:
            try:
                piece = await self._pieces.__anext__()
            except StopAsyncIteration:
                break
            read.append(_bytes("a piece of content", piece))
            size += len(read[-1])
        return b"".join(read)

    async def leave(self) -> None:
        """Closes a generator that is not read to its end."""
        if self._blocking is not None and self._blocking.is_generator:
            await asyncio.to_thread(self._blocking.leave)
        elif inspect.isasyncgen(self._pieces):
            await self._pieces.aclose()


class _File:
    """An object with a ``read``."""

    def __init__(self, file: Any) -> None:
        self._given = file
        self._read: Callable[..., Any] = file.read
        #: A ``read`` without a size argument returns everything at once.
        self._sized = _takes_a_size(file.read)
        self._begun = False
        self.ended = False

    def read(self) -> Any:
        data = self._read(SIZE) if self._sized else self._read()
        if inspect.iscoroutine(data):
            data.close()
            raise TypeError("content is an asynchronous file, which AsyncTurnwire can upload and Turnwire cannot")
        return data

    async def read_async(self) -> Any:
        size = (SIZE,) if self._sized else ()
        if inspect.iscoroutinefunction(self._read):
            return await self._read(*size)
        data = await asyncio.to_thread(self._read, *size)
        return await data if inspect.isawaitable(data) else data

    def bytes_of(self, data: Any) -> bytes:
        if isinstance(data, str):
            raise TypeError("content is a file whose read() returns text; open it in binary mode")
        read = _bytes("the result of content.read()", data)
        if not read and not self._begun and _is_read(self._given):
            raise ValueError("content is a file at its end; call its seek(0), or open it again")
        self._begun = True
        self.ended = not self._sized or not read
        return read


def _takes_a_size(read: Callable[..., Any]) -> bool:
    try:
        inspect.signature(read).bind(SIZE)
    except TypeError:
        return False
    except ValueError:
        # It has no signature, like functions written in C.
        return True
    return True


def _path(given: PathLike[Any]) -> str:
    path = os.path.abspath(os.fsdecode(given))
    # A missing or unreadable file raises here, with the error of open().
    if os.path.isdir(path) or not os.path.exists(path):
        with open(path, "rb"):
            pass
    return path


def _is_read(file: Any) -> bool:
    """Whether the file is positioned after its beginning."""
    try:
        at = file.tell()
    except (AttributeError, OSError, ValueError):
        return False
    return isinstance(at, int) and at > 0


def _pieces(given: Any) -> Iterator[Any]:
    if hasattr(given, "__aiter__"):
        raise TypeError("content is an asynchronous iterable, which AsyncTurnwire can upload and Turnwire cannot")
    if isinstance(given, (Mapping, set, frozenset)) or not isinstance(given, Iterable):
        raise TypeError(
            f"content must be bytes, text, a binary file, a path or an iterable of bytes, not {type(given).__name__}"
        )
    _unspent(given)
    return iter(given)


def _unspent(given: Any) -> None:
    """Refuses a generator that is exhausted."""
    spent = inspect.isgenerator(given) and given.gi_frame is None or inspect.isasyncgen(given) and given.ag_frame is None
    if spent:
        raise ValueError("content is a generator that was read before; make it anew")


def _bytes(what: str, given: Any) -> bytes:
    try:
        return memoryview(given).tobytes()
    except TypeError:
        raise TypeError(f"{what} must be bytes, not {type(given).__name__}") from None
