"""One stream, several readers; and chats that are left free by calls that fail."""

import asyncio
import threading

import pytest
import turnwire
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, Turnwire


def left_at_the_question(client: Turnwire, chat: Chat) -> str:
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.question:
                break
        assert stream.cursor
        return stream.cursor


def test_an_open_question_is_asked_again_by_a_stream_that_is_resumed(client: Turnwire, chat: Chat) -> None:
    cursor = left_at_the_question(client, chat)
    asked = 0
    with client.chat.resume(cursor) as stream:
        assert stream.cursor == cursor
        before = stream.cursor
        for each in stream:
            if each.question:
                asked += 1
                assert stream.cursor == before
                stream.answer(each.question, [["yes"]])
            before = stream.cursor
        assert "yes" in stream.result().text
    assert asked == 1


def test_an_open_question_is_asked_again_asynchronously(service: Service, client: Turnwire, chat: Chat) -> None:
    cursor = left_at_the_question(client, chat)

    async def go_on() -> str:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY).chat.resume(cursor) as stream:
            async for each in stream:
                if each.question:
                    await stream.answer(each.question, [["yes"]])
            return (await stream.result()).text

    assert "yes" in asyncio.run(asyncio.wait_for(go_on(), 30))


def test_a_result_takes_no_event_away(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/long 300") as stream:
        first = next(stream)
        turn = stream.result()
        assert stream.cursor == stream._native.cursor_after(first.seq)
        events = [first, *stream]
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert "".join(each.text_delta or "" for each in events) == turn.text


def test_a_result_that_ran_out_of_time_has_taken_no_event_away(service: Service, chat: Chat) -> None:
    async def run() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/slow 20") as stream:
            result = asyncio.ensure_future(stream.result())
            first = await stream.__anext__()
            result.cancel()
            events = [first] + [each async for each in stream]
        assert [each.seq for each in events] == list(range(1, len(events) + 1))

    asyncio.run(run())


def test_a_loop_and_a_result_at_once_both_get_everything(service: Service, chat: Chat) -> None:
    async def run() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/long 300") as stream:

            async def read() -> list[int | None]:
                return [each.seq async for each in stream]

            seqs, turn = await asyncio.gather(read(), stream.result())
        assert seqs == list(range(1, len(seqs) + 1))
        assert turn.status == "completed"

    asyncio.run(run())


def test_a_loop_that_another_one_took_over_from_is_refused(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/long 50") as stream:
        with pytest.raises(RuntimeError, match="another loop"):
            for _ in stream:
                list(stream)


def test_several_threads_on_one_stream_are_refused(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask") as stream:
        question = next(each.question for each in stream if each.question)
        refused: list[RuntimeError] = []
        waiting = threading.Event()

        def read() -> None:
            try:
                waiting.set()
                list(stream)
            except RuntimeError as error:
                refused.append(error)
                stream.answer(question, [["yes"]])

        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(refused) == 1


def test_a_message_that_fails_in_the_caller_leaves_the_chat_free(client: Turnwire, chat: Chat) -> None:
    with pytest.raises(turnwire.InputRequiredError):
        client.chat.send_message(chat.id, "/ask")
    with pytest.raises(ZeroDivisionError):
        client.chat.send_message(chat.id, "/ask", on_question=lambda question: 1 / 0)  # type: ignore[arg-type]
    assert client.chat.send_message(chat.id, "Now me.", on_conflict="wait").text == "Now me."


def test_a_message_that_is_given_up_leaves_the_chat_free(service: Service, client: Turnwire, chat: Chat) -> None:
    async def run() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        asked = asyncio.Event()

        async def never(question: turnwire.Question) -> None:
            asked.set()
            await asyncio.Event().wait()

        message = asyncio.ensure_future(chats.send_message(chat.id, "/ask", on_question=never))
        await asked.wait()
        message.cancel()
        with pytest.raises(asyncio.CancelledError):
            await message
        with pytest.raises(turnwire.InputRequiredError):
            await chats.send_message(chat.id, "/ask", on_conflict="wait")
        assert (await chats.send_message(chat.id, "Now me.", on_conflict="wait")).text == "Now me."

    asyncio.run(asyncio.wait_for(run(), 60))


def test_respond_takes_handlers(service: Service, client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask", on_question=lambda question: [["yes"]]) as stream:
        list(stream)
        assert "yes" in stream.result().text

    async def run() -> str:
        async def answer(question: turnwire.Question) -> list[list[str]]:
            return [["no"]]

        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/ask", on_question=answer) as stream:
            return "".join([piece async for piece in stream.text_stream])

    assert "no" in asyncio.run(run())
    with pytest.raises(TypeError, match="on_question"):
        client.chat.respond(chat.id, "/ask", on_question="never")  # type: ignore[arg-type]


def test_an_answer_that_comes_second_is_no_error(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.question:
                client.chat.reply_to_question(each.question.request_id, id=chat.id, answers=[["yes"]])
                stream.answer(each.question, [["no"]])
        assert "yes" in stream.result().text
