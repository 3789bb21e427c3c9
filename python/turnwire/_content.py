"""What a file is uploaded from. What cannot be read as a file is refused: it must not become an empty one."""

from __future__ import annotations

import asyncio
import inspect
import io
import os
from collections.abc import AsyncIterable, Iterable, Mapping
from contextlib import suppress
from os import PathLike
from typing import IO, Any, Union

#: Bytes of any kind, text, an open binary file, a path, or an iterable of bytes. A path is sent with bounded memory, and
#: anew where a request is repeated; what else is read is read whole before.
Content = Union[bytes, bytearray, memoryview, str, IO[bytes], PathLike[str], Iterable[bytes]]
#: The same, and an asynchronous iterable of bytes or an open asynchronous file.
AsyncContent = Union[Content, AsyncIterable[bytes]]


def content(given: Any) -> bytes | str:
    """The bytes of a file, or the path of one."""
    if (ready := _at_hand(given)) is not None:
        return ready
    if callable(getattr(given, "read", None)):
        return _read(given, given.read())
    if hasattr(given, "__aiter__"):
        raise TypeError("content is an asynchronous iterable, which AsyncTurnwire can upload and Turnwire cannot")
    return b"".join(_bytes("a piece of content", piece) for piece in _pieces(given))


async def content_async(given: Any) -> bytes | str:
    """The same in an asynchronous program; what blocks is read on another thread."""
    if (ready := _at_hand(given)) is not None:
        return ready
    if callable(read := getattr(given, "read", None)):
        data = read() if inspect.iscoroutinefunction(read) else await asyncio.to_thread(read)
        return _read(given, await data if inspect.isawaitable(data) else data)
    if hasattr(given, "__aiter__"):
        return b"".join([_bytes("a piece of content", piece) async for piece in given])
    return await asyncio.to_thread(content, given)


def _at_hand(given: Any) -> bytes | str | None:
    """What needs no reading."""
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


def _path(given: PathLike[Any]) -> str:
    path = os.path.abspath(os.fsdecode(given))
    # What is wrong with it is said here, as open() says it.
    if os.path.isdir(path) or not os.path.exists(path):
        with open(path, "rb"):
            pass
    return path


def _read(file: Any, data: Any) -> bytes:
    if inspect.iscoroutine(data):
        data.close()
        raise TypeError("content is an asynchronous file, which AsyncTurnwire can upload and Turnwire cannot")
    if isinstance(data, str):
        raise TypeError("content is a file whose read() gives text; open it in binary mode")
    read = _bytes("what read() of content gives", data)
    if not read and _is_read(file):
        raise ValueError("content is a file that stands at its end; call its seek(0), or open it again")
    return read


def _is_read(file: Any) -> bool:
    """Whether there was something before where the file stands."""
    try:
        at = file.tell()
    except (AttributeError, OSError, ValueError):
        return False
    return isinstance(at, int) and at > 0


def _pieces(given: Any) -> Iterable[Any]:
    if isinstance(given, (Mapping, set, frozenset)) or not isinstance(given, Iterable):
        raise TypeError(
            f"content must be bytes, text, a binary file, a path or an iterable of bytes, not {type(given).__name__}"
        )
    return given


def _bytes(what: str, given: Any) -> bytes:
    try:
        return memoryview(given).tobytes()
    except TypeError:
        raise TypeError(f"{what} must be bytes, not {type(given).__name__}") from None
