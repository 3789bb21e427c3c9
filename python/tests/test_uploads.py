"""What a file can be uploaded from; and that what is none never becomes an empty file."""

import array
import asyncio
import io
import mmap
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, NotFoundError, Turnwire

DATA = bytes(range(256)) * 40


def pieces() -> Iterator[bytes]:
    yield DATA[:100]
    yield b""
    yield DATA[100:]


async def asynchronous_pieces() -> AsyncIterator[bytes]:
    for piece in pieces():
        await asyncio.sleep(0)
        yield piece


class AsyncFile:
    """A file as libraries for asyncio open it."""

    def __init__(self, data: Any) -> None:
        self.data = data

    async def read(self) -> Any:
        await asyncio.sleep(0)
        return self.data


class Closed:
    """A binary file of somebody's own."""

    def read(self) -> bytes:
        return DATA


def mapped() -> mmap.mmap:
    memory = mmap.mmap(-1, len(DATA))
    memory[:] = DATA
    return memory


def stored(path: Path) -> Path:
    path.write_bytes(DATA)
    return path


@contextmanager
def opened(content: Any) -> Iterator[Any]:
    """Closes what has to be closed."""
    try:
        yield content
    finally:
        if isinstance(content, io.IOBase):
            content.close()


GOOD: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: DATA,
    "a bytearray": lambda _: bytearray(DATA),
    "a memoryview": lambda _: memoryview(DATA),
    "a memoryview with steps": lambda _: memoryview(bytes(byte for byte in DATA for _ in (0, 1)))[::2],
    "a memoryview of rows": lambda _: memoryview(DATA).cast("B", (len(DATA) // 4, 4)),
    "an array": lambda _: array.array("B", DATA),
    "a mapped file": lambda _: mapped(),
    "a path": stored,
    "an open file": lambda path: stored(path).open("rb"),
    "an unbuffered file": lambda path: stored(path).open("rb", buffering=0),
    "a file in memory": lambda _: io.BytesIO(DATA),
    "a file of somebody's own": lambda _: Closed(),
    "a list of pieces": lambda _: [DATA[:7], bytearray(DATA[7:9]), memoryview(DATA)[9:]],
    "a generator": lambda _: pieces(),
    "a map": lambda _: map(bytes, [DATA[:7], DATA[7:]]),
}
GOOD_ASYNC: dict[str, Callable[[Path], Any]] = {
    **GOOD,
    "an asynchronous generator": lambda _: asynchronous_pieces(),
    "an asynchronous file": lambda _: AsyncFile(DATA),
}


@pytest.mark.parametrize("what", GOOD)
def test_a_file_is_uploaded_from(what: str, client: Turnwire, chat: Chat, tmp_path: Path) -> None:
    with opened(GOOD[what](tmp_path / "a")) as content:
        entry = client.chat.files.upload("a", id=chat.id, content=content)
    assert entry.size_bytes == len(DATA) and client.chat.files.download("a", id=chat.id).content == DATA


@pytest.mark.parametrize("what", GOOD_ASYNC)
def test_a_file_is_uploaded_from_in_an_asynchronous_program(what: str, service: Service, chat: Chat, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as client:
            with opened(GOOD_ASYNC[what](tmp_path / "a")) as content:
                entry = await client.chat.files.upload("a", id=chat.id, content=content)
            assert entry.size_bytes == len(DATA)
            assert (await client.chat.files.download("a", id=chat.id)).content == DATA

    asyncio.run(main())


def at_its_end(path: Path) -> io.BufferedRandom:
    file = path.open("w+b")
    file.write(DATA)
    file.flush()
    return file


def closed(path: Path) -> io.BufferedReader:
    file = stored(path).open("rb")
    file.close()
    return file


def read_before() -> Iterator[bytes]:
    made = pieces()
    assert b"".join(made) == DATA
    return made


WRONG: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "nothing": (lambda _: None, TypeError, "not NoneType"),
    "a number": (lambda _: 5, TypeError, "not int"),
    "true": (lambda _: True, TypeError, "not bool"),
    "a dictionary": (lambda _: {}, TypeError, "not dict"),
    "a set": (lambda _: {b"a", b"b"}, TypeError, "not set"),
    "a list of numbers": (lambda _: [1, 2], TypeError, "a piece of content must be bytes, not int"),
    "a list of texts": (lambda _: ["a"], TypeError, "a piece of content must be bytes, not str"),
    "an object": (lambda _: object(), TypeError, "not object"),
    "a class": (lambda _: io.BytesIO, TypeError, "the class BytesIO"),
    "a text file": (lambda path: stored(path).open(encoding="latin-1"), TypeError, "binary mode"),
    "an empty text file": (lambda _: io.StringIO(), TypeError, "binary mode"),
    "a file that gives text": (lambda _: type("F", (), {"read": lambda self: ""})(), TypeError, "binary mode"),
    "a file that gives nothing": (lambda _: type("F", (), {"read": lambda self: None})(), TypeError, "must be bytes"),
    "a file at its end": (at_its_end, ValueError, "a file at its end"),
    "a generator that was read": (lambda _: read_before(), ValueError, "was read before"),
    "a file that is closed": (closed, ValueError, "closed"),
    "a path to nothing": (lambda path: path / "nothing", FileNotFoundError, "nothing"),
    "a path to a folder": (lambda path: path.parent, IsADirectoryError, "directory"),
}
WRONG_SYNC: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    **WRONG,
    "an asynchronous generator": (lambda _: asynchronous_pieces(), TypeError, "AsyncTurnwire can"),
    "an asynchronous file": (lambda _: AsyncFile(DATA), TypeError, "AsyncTurnwire can"),
}
WRONG_ASYNC: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    **WRONG,
    "an asynchronous text file": (lambda _: AsyncFile(""), TypeError, "binary mode"),
}


@pytest.mark.parametrize("what", WRONG_SYNC)
def test_what_is_no_file_is_refused(what: str, client: Turnwire, chat: Chat, tmp_path: Path) -> None:
    make, error, told = WRONG_SYNC[what]
    with opened(make(tmp_path / "a")) as content, pytest.raises(error, match=told):
        client.chat.files.upload("a", id=chat.id, content=content)
    with pytest.raises(NotFoundError):
        client.chat.files.download("a", id=chat.id)


@pytest.mark.parametrize("what", WRONG_ASYNC)
def test_what_is_no_file_is_refused_in_an_asynchronous_program(what: str, service: Service, chat: Chat, tmp_path: Path) -> None:
    make, error, told = WRONG_ASYNC[what]

    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as client:
            with opened(make(tmp_path / "a")) as content, pytest.raises(error, match=told):
                await client.chat.files.upload("a", id=chat.id, content=content)
            with pytest.raises(NotFoundError):
                await client.chat.files.download("a", id=chat.id)

    asyncio.run(main())


def test_what_is_empty_makes_an_empty_file(client: Turnwire, chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for content in (b"", "", io.BytesIO(), tmp_path / "empty", iter(())):
        client.chat.files.upload("a", id=chat.id, content=b"full")
        assert client.chat.files.upload("a", id=chat.id, content=content).size_bytes == 0


def test_an_error_of_what_is_read_is_the_callers(client: Turnwire, chat: Chat) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA
        raise OSError("the tape is torn")

    with pytest.raises(OSError, match="the tape is torn"):
        client.chat.files.upload("a", id=chat.id, content=broken())
    with pytest.raises(NotFoundError):
        client.chat.files.download("a", id=chat.id)


def test_a_slow_file_does_not_stop_the_loop(service: Service, chat: Chat) -> None:
    reader, writer = os.pipe()
    gone_on = threading.Event()

    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as client:
            with open(reader, "rb") as file:
                upload = asyncio.ensure_future(client.chat.files.upload("a", id=chat.id, content=file))
                await asyncio.sleep(0)
                # The loop gets here while the file gives nothing.
                os.write(writer, DATA[:1000])
                os.close(writer)
                assert (await upload).size_bytes == 1000
        gone_on.set()

    asyncio.run(main())
    assert gone_on.is_set()
