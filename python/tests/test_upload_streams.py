"""What is read while it is sent: in bounded memory, once, whole or not at all, and left when the request ends."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from canned import Canned, answer
from conftest import KEY, Service
from testkit import misbehaving, told
from turnwire import APIConnectionError, APIStatusError, AsyncTurnwire, Chat, NotFoundError, Turnwire

PIECE = b"x" * 64 * 1024
#: More than is read before a request is sent.
LONG = 40
#: Far more than may be read ahead.
ALL = 1024


class Source:
    """Pieces, and what has become of them. ``broken``: what it raises after the last one."""

    def __init__(self, pieces: int, broken: BaseException | None = None) -> None:
        self.pieces = pieces
        self.broken = broken
        self.given = 0
        self.left = False
        self.where: set[Any] = set()

    def __iter__(self) -> Iterator[bytes]:
        try:
            for self.given in range(1, self.pieces + 1):
                self.where.add(threading.get_ident())
                yield PIECE
            if self.broken:
                raise self.broken
        finally:
            self.left = True

    async def aiter(self) -> AsyncIterator[bytes]:
        try:
            for self.given in range(1, self.pieces + 1):
                self.where.add(asyncio.current_task())
                yield PIECE
            if self.broken:
                raise self.broken
        finally:
            self.where.add(asyncio.current_task())
            self.left = True


def upload(how: str, url: str, content: Source, chat: str = "chat_testkit") -> Any:
    """Uploads synchronously, from an asynchronous generator, or in an asynchronous program from a synchronous one."""
    options: dict[str, Any] = {"base_url": url, "api_key": KEY, "backoff_scale": 0.0}
    if how == "sync":
        return Turnwire(**options).chat.files.upload("a", id=chat, content=content)

    async def main() -> Any:
        async with AsyncTurnwire(**options) as client:
            source = content.aiter() if how == "async" else content
            return await client.chat.files.upload("a", id=chat, content=source)

    return asyncio.run(main())


WAYS = pytest.mark.parametrize("how", ["sync", "async", "mixed"])


@pytest.fixture
def unavailable(tmp_path: Path) -> Path:
    """A service that is not there for the first request."""
    file = tmp_path / "scenario.json"
    fault = {"on": "files.upload", "status": 503}
    file.write_text(json.dumps({"says": "not at once", "call": {"operation": "retrieve"}, "faults": [fault], "expect": {}}))
    return file


@WAYS
def test_a_source_is_read_no_faster_than_it_is_sent_and_left_where_the_request_ends_early(how: str, service: Service) -> None:
    source = Source(ALL)
    with pytest.raises(NotFoundError):
        upload(how, service.url, source, "chat_nowhere")
    assert source.left and source.given < ALL / 2, f"{source.given} pieces were read"


@WAYS
def test_a_source_is_left_once_its_upload_was_refused_though_the_service_reads_on(how: str) -> None:
    source = Source(100 * ALL)
    with Canned(answer(404, b"{}")) as service, pytest.raises(NotFoundError):
        upload(how, service.url, source)
    assert source.left and source.given < ALL / 2, f"{source.given} pieces were read"


@WAYS
def test_a_long_source_arrives_whole(how: str, service: Service, client: Turnwire, chat: Chat) -> None:
    source = Source(LONG)
    assert upload(how, service.url, source, chat.id).size_bytes == LONG * len(PIECE)
    assert client.chat.files.download("a", id=chat.id).content == PIECE * LONG
    assert source.left


@WAYS
@pytest.mark.parametrize("pieces", [1, LONG])
def test_what_a_source_raises_is_what_the_caller_gets_and_no_file_is_left(
    how: str, pieces: int, service: Service, client: Turnwire, chat: Chat
) -> None:
    mine = OSError("the tape is torn")
    with pytest.raises(OSError) as raised:
        upload(how, service.url, Source(pieces, mine), chat.id)
    assert raised.value is mine
    with pytest.raises(NotFoundError):
        client.chat.files.download("a", id=chat.id)


@WAYS
def test_a_source_that_fails_at_once_costs_no_request(how: str) -> None:
    # Nobody listens there: a request would be told as one that did not arrive.
    for pieces in (0, 1):
        with pytest.raises(OSError, match="the tape is torn"):
            upload(how, "http://127.0.0.1:1", Source(pieces, OSError("the tape is torn")))
    with pytest.raises(APIConnectionError):
        upload(how, "http://127.0.0.1:1", Source(1))


@WAYS
def test_a_short_source_is_sent_again_and_a_long_one_once(how: str, unavailable: Path) -> None:
    with misbehaving(unavailable) as url:
        assert upload(how, url, Source(1)).size_bytes == len(PIECE)
        seen = told(f"{url}/_testkit")
        assert seen["requests"]["files.upload"] == 2 and seen["lastHeaders"]["content-length"] == str(len(PIECE))
    with misbehaving(unavailable) as url:
        with pytest.raises(APIStatusError) as raised:
            upload(how, url, Source(LONG))
        assert raised.value.status_code == 503
        assert told(f"{url}/_testkit")["requests"]["files.upload"] == 1


def test_a_source_is_read_where_its_user_reads(service: Service, chat: Chat) -> None:
    source = Source(LONG)
    upload("sync", service.url, source, chat.id)
    assert source.where == {threading.get_ident()}
    source = Source(LONG)
    upload("async", service.url, source, chat.id)
    assert len(source.where) == 1, "several tasks were in one generator"


def test_a_file_is_read_by_parts(client: Turnwire, chat: Chat) -> None:
    sizes = []

    class Tape:
        left = LONG * len(PIECE)

        def read(self, size: int) -> bytes:
            sizes.append(size)
            self.left -= (taken := min(size, self.left))
            return b"x" * taken

    content: Any = Tape()
    assert client.chat.files.upload("a", id=chat.id, content=content).size_bytes == LONG * len(PIECE)
    assert max(sizes) <= 1024 * 1024


def test_a_generator_that_a_thread_reads_while_its_upload_ends_is_closed_after_that() -> None:
    inside, go_on = threading.Event(), threading.Event()
    left = []

    def pieces() -> Iterator[bytes]:
        try:
            for _ in range(LONG):
                yield PIECE
            inside.set()
            go_on.wait()
            for _ in range(LONG):
                yield PIECE
        finally:
            left.append(threading.get_ident())

    source = pieces()

    async def main(url: str) -> None:
        async with AsyncTurnwire(base_url=url, api_key=KEY) as client:
            with pytest.raises(NotFoundError):
                await client.chat.files.upload("a", id="chat_1", content=source)
        assert not left
        go_on.set()

    # The service refuses the upload only once a thread is in the generator.
    with Canned(answer(404, b"{}"), when=inside) as service:
        asyncio.run(main(service.url))
    assert len(left) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_source_that_never_goes_on_does_not_hold_the_call(
    known: bool, service: Service, client: Turnwire, chat: Chat
) -> None:
    left = []

    async def main() -> None:
        waits = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            try:
                for _ in range(LONG):
                    yield PIECE
                waits.set()
                await asyncio.Event().wait()
            finally:
                left.append(asyncio.current_task())

        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as own:
            upload = own.chat.files.upload("a", id=chat.id if known else "chat_nowhere", content=stalled())
            if not known:
                with pytest.raises(NotFoundError):
                    await upload
                return
            task = asyncio.ensure_future(upload)
            await waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert len(left) == 1
    with pytest.raises(NotFoundError):
        client.chat.files.download("a", id=chat.id)
