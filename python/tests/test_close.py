"""A closed client holds no connection and sends nothing more."""

import asyncio
import threading
from typing import Any

import pytest
import turnwire
from canned import OK_STREAM, STARTED, Canned, answer
from turnwire import AsyncTurnwire, Turnwire

CHAT = b'{"id":"chat_1","status":"active"}'
RELAY = OK_STREAM + b'id: 1\ndata: {"type":"session.idle","properties":{}}\n\n'


def test_an_idle_connection_ends_when_the_client_is_closed() -> None:
    with Canned(answer(200, CHAT)) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        other = client.with_options(timeout=5)
        client.chat.retrieve("chat_1")
        assert not client.is_closed() and not service.left.is_set()
        client.close()
        assert service.left.wait(10) and client.is_closed() and other.is_closed()
        for chats in (client.chat, other.chat):
            for call in (lambda: chats.retrieve("chat_1"), lambda: chats.respond("chat_1", "Hi"), lambda: chats.list()):
                with pytest.raises(turnwire.APIUserAbortError, match="The client is closed; make a new one.") as caught:
                    call()
                assert caught.value.code == "client_closed" and not caught.value.retryable
        client.close()
        assert len(service.requests) == 1


def test_an_idle_connection_of_an_asynchronous_client_ends_with_its_block() -> None:
    async def main() -> None:
        with Canned(answer(200, CHAT)) as service:
            async with AsyncTurnwire(base_url=service.url, api_key="k") as client:
                await client.chat.retrieve("chat_1")
            assert await asyncio.to_thread(service.left.wait, 10)
            with pytest.raises(turnwire.APIUserAbortError, match="closed"):
                await client.chat.retrieve("chat_1")
            with pytest.raises(turnwire.APIUserAbortError, match="closed"):
                async for _ in client.chat.respond("chat_1", "Hi"):
                    pass
            await client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("reply", [OK_STREAM + STARTED, RELAY], ids=["turn", "relay"])
def test_an_open_stream_ends_with_a_sentence(reply: bytes) -> None:
    with Canned(reply) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        stream: Any = client.chat.stream("chat_1") if reply == RELAY else client.chat.respond("chat_1", "Hi")
        next(stream)
        # One reads while the other closes.
        closing = threading.Timer(0, client.close)
        closing.start()
        with pytest.raises(turnwire.APIUserAbortError, match="The client is closed"):
            next(stream)
        assert service.left.wait(10)
        closing.join()


def test_a_call_under_way_ends_with_a_sentence() -> None:
    with Canned(b"") as service:
        client = Turnwire(base_url=service.url, api_key="k")

        def close() -> None:
            service.asked.wait(10)
            client.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(turnwire.APIUserAbortError, match="The client is closed"):
            client.chat.retrieve("chat_1")
        closing.join()
        assert service.left.wait(10) and len(service.requests) == 1


def test_a_download_under_way_ends_with_a_sentence() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nhalf"
    with Canned(head) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        with client.chat.with_streaming_response.files.download("a", id="chat_1") as file:
            pieces = file.iter_bytes()
            assert next(pieces) == b"half"
            client.close()
            with pytest.raises(turnwire.APIUserAbortError, match="The client is closed"):
                next(pieces)


def test_a_stream_that_cancels_its_turn_still_does_when_the_client_is_closed_first() -> None:
    with Canned(OK_STREAM + STARTED) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        stream = client.chat.respond("chat_1", "Hi", cancel_on_close=True)
        next(stream)
        service.reply, service.asked = answer(200, b'{"id":"chat_1","ok":true}'), threading.Event()
        client.close()
        stream.close()
        assert service.asked.wait(10)
        assert service.requests[1].startswith(b"POST /agent/v2/chat/chat_1/cancel ")
