"""Event loops: cancellation, several tasks, several threads, several loops."""

import asyncio
import gc
import threading

import pytest
from canned import OK_STREAM, STARTED, Canned
from conftest import KEY, Service
from turnwire import APITimeoutError, AsyncTurnwire, Turnwire


def test_a_cancelled_reader_closes_its_socket() -> None:
    async def read(service: Canned, started: asyncio.Event) -> None:
        client = AsyncTurnwire(base_url=service.url, api_key="k")
        async for _ in client.chat.respond("chat_1", "Hi"):
            started.set()

    async def main(service: Canned) -> None:
        started = asyncio.Event()
        task = asyncio.create_task(read(service, started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        assert await asyncio.to_thread(service.left.wait, 10)

    with Canned(OK_STREAM + STARTED) as service:
        asyncio.run(main(service))


def test_cancelled_while_opening_the_stream_sends_no_second_prompt() -> None:
    async def main(service: Canned) -> None:
        client = AsyncTurnwire(base_url=service.url, api_key="k")
        stream = client.chat.respond("chat_1", "Hi")
        opening = asyncio.ensure_future(stream)
        assert await asyncio.to_thread(service.asked.wait, 10)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert await asyncio.to_thread(service.left.wait, 10)
        with pytest.raises(RuntimeError, match="closed"):
            await stream

    with Canned(b"") as service:
        asyncio.run(main(service))
        assert len(service.requests) == 1


def test_a_stream_closed_while_it_opens_is_closed_when_it_is_open() -> None:
    async def main(service: Canned) -> None:
        stream = AsyncTurnwire(base_url=service.url, api_key="k").chat.respond("chat_1", "Hi")
        opening = asyncio.ensure_future(stream)
        await asyncio.sleep(0)
        await stream.close()
        assert [event async for event in await opening] == []
        assert await asyncio.to_thread(service.left.wait, 10)

    with Canned(OK_STREAM + STARTED) as service:
        asyncio.run(main(service))


def test_a_wait_that_is_given_up_loses_no_event(service: Service) -> None:
    async def main() -> None:
        client = AsyncTurnwire(base_url=service.url, api_key=KEY)
        chat = await client.chat.create()
        seen = []
        given_up = 0
        async with client.chat.respond(chat.id, "/slow 5") as stream:
            while True:
                try:
                    seen.append(await asyncio.wait_for(anext(stream), 0.02))
                except asyncio.TimeoutError:
                    given_up += 1
                except StopAsyncIteration:
                    break
        assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
        assert seen[-1].type == "turn.completed" and given_up

    asyncio.run(main())


def test_two_tasks_cannot_read_one_stream_at_once() -> None:
    async def main(service: Canned) -> None:
        stream = await AsyncTurnwire(base_url=service.url, api_key="k").chat.respond("chat_1", "Hi")
        assert (await anext(stream)).type == "turn.started"
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two tasks"):
            await anext(stream)
        await stream.close()
        with pytest.raises(StopAsyncIteration):
            await first

    with Canned(OK_STREAM + STARTED) as service:
        asyncio.run(main(service))


def test_many_streams_on_many_loops_in_many_threads(service: Service) -> None:
    async def one(client: AsyncTurnwire) -> str:
        chat = await client.chat.create()
        return (await client.chat.send_message(chat.id, "/long 40")).text

    async def many() -> None:
        client = AsyncTurnwire(base_url=service.url, api_key=KEY)
        texts.extend(await asyncio.gather(*(one(client) for _ in range(5))))

    texts: list[str] = []
    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 20 and len(set(texts)) == 1 and len(texts[0].split()) >= 40


def test_one_client_serves_one_loop_after_another(service: Service) -> None:
    client = AsyncTurnwire(base_url=service.url, api_key=KEY)

    async def main() -> str:
        chat = await client.chat.create()
        return (await client.chat.send_message(chat.id, "Hello")).text

    assert [asyncio.run(main()) for _ in range(3)] == ["Hello"] * 3


def test_waiting_leaves_other_threads_running() -> None:
    with Canned(b"") as service:
        client = Turnwire(base_url=service.url, api_key="k", max_retries=0)
        ticks = 0
        stop = threading.Event()

        def count() -> None:
            nonlocal ticks
            while not stop.wait(0.001):
                ticks += 1

        counting = threading.Thread(target=count)
        counting.start()
        with pytest.raises(APITimeoutError):
            client.chat.retrieve("chat_1", timeout=0.3)
        stop.set()
        counting.join()
    assert ticks > 10
