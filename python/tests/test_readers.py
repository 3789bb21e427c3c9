"""One stream, several readers; and chats that are left free by calls that fail."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any, Literal

import pytest
import turnwire
from conftest import KEY, ROOT, Service
from testkit import misbehaving
from turnwire import AsyncTurnwire, Chat, Timeout, Turnwire

#: For what would wait for ever.
WITHIN = Timeout(total=60)


def left_at_the_question(client: Turnwire, chat: Chat) -> str:
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.question:
                break
        assert stream.cursor
        return stream.cursor


# PROTOCOL RESUME-10.
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


def test_an_open_question_is_asked_again_by_a_stream_that_is_attached(
    service: Service, client: Turnwire, chat: Chat
) -> None:
    left_at_the_question(client, chat)
    stream = client.chat.attach(chat.id)
    assert stream
    questions = [each.question for each in until_asked(stream) if each.question]
    assert len(questions) == 1

    async def go_on() -> int:
        stream = await AsyncTurnwire(base_url=service.url, api_key=KEY).chat.attach(chat.id)
        assert stream
        asked = 0
        async for each in stream:
            if each.question:
                asked += 1
                await stream.answer(each.question, [["yes"]])
        assert "yes" in (await stream.result()).text
        return asked

    assert asyncio.run(asyncio.wait_for(go_on(), 30)) == 1
    # The one that was attached first goes on where it stopped, and is asked nothing more.
    with stream:
        assert [each.question for each in stream if each.question] == []
        assert "yes" in stream.result().text


def until_asked(stream: turnwire.TurnStream) -> list[turnwire.TurnEvent]:
    seen = []
    for each in stream:
        seen.append(each)
        if each.question:
            break
    return seen


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


def test_a_second_thread_is_refused_while_a_handler_of_the_first_works(client: Turnwire, chat: Chat) -> None:
    asked, go_on = threading.Event(), threading.Event()
    seen: list[turnwire.TurnEvent] = []
    failed: list[BaseException] = []

    def answer(question: turnwire.Question) -> list[list[str]]:
        asked.set()
        assert go_on.wait(30)
        return [["yes"]]

    with client.chat.respond(chat.id, "/ask", on_question=answer) as stream:

        def read() -> None:
            try:
                seen.extend(stream)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert asked.wait(30)
        for read_too in (lambda: next(stream), lambda: list(stream), lambda: list(stream.text_stream)):
            with pytest.raises(RuntimeError, match="two threads read one stream at once"):
                read_too()
        go_on.set()
        thread.join(30)
        assert not failed and stream.result().status == "completed"
    assert [each.seq for each in seen if each.seq] == sorted({each.seq for each in seen if each.seq})
    assert seen[-1].type == "turn.completed"


def test_a_second_task_is_refused_while_the_first_waits_which_loses_nothing(service: Service, chat: Chat) -> None:
    async def run() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/ask") as stream:
            asked: asyncio.Future[turnwire.Question] = asyncio.get_running_loop().create_future()

            async def read() -> list[int | None]:
                seqs: list[int | None] = []
                async for each in stream:
                    seqs.append(each.seq)
                    if each.question:
                        asked.set_result(each.question)
                return seqs

            reading = asyncio.ensure_future(read())
            question = await asked
            for other in (aiter(stream), aiter(stream.text_stream), stream):
                # The question is out, and the loop that gave it has gone on to wait.
                with pytest.raises(RuntimeError, match="two tasks"):
                    await anext(other)
            await stream.answer(question, [["yes"]])
            seqs = await reading
        assert seqs == list(range(1, len(seqs) + 1))
        assert stream.snapshot.ended

    asyncio.run(asyncio.wait_for(run(), 60))


# PROTOCOL CANCEL-3.
def test_a_message_that_fails_in_the_caller_leaves_the_chat_free(client: Turnwire, chat: Chat) -> None:
    with pytest.raises(turnwire.InputRequiredError):
        client.chat.send_message(chat.id, "/ask")
    with pytest.raises(ZeroDivisionError):
        client.chat.send_message(chat.id, "/ask", on_question=lambda question: 1 / 0)  # type: ignore[arg-type]
    assert client.chat.send_message(chat.id, "Now me.", on_conflict="wait").text == "Now me."


CHAT = "chat_testkit"


@pytest.fixture
def unanswered(tmp_path: Path) -> Path:
    """A service that takes the first prompt and never answers it."""
    file = tmp_path / "scenario.json"
    fault = {"on": "respond", "neverAnswer": True}
    file.write_text(json.dumps({"says": "never", "call": {"operation": "retrieve"}, "faults": [fault], "expect": {}}))
    return file


# PROTOCOL CANCEL-3.
@pytest.mark.parametrize("clock", [Timeout(answer=0.2), Timeout(total=0.2)], ids=["answer", "total"])
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_message_whose_answer_does_not_come_in_time_leaves_the_chat_free(
    program: str, clock: Timeout, unanswered: Path
) -> None:
    with misbehaving(unanswered) as url:
        send_in_vain(program, url, CHAT, "/hang", turnwire.APITimeoutError, timeout=clock, max_retries=0)


# PROTOCOL CANCEL-3.
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_message_whose_turn_does_not_end_in_time_leaves_the_chat_free(program: str, service: Service, chat: Chat) -> None:
    endless = "/slow 100000"
    send_in_vain(program, service.url, chat.id, endless, turnwire.APITimeoutError, timeout=Timeout(total=1))


# PROTOCOL CANCEL-3.
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_message_whose_permission_is_not_given_leaves_the_chat_free(program: str) -> None:
    def refuse(permission: turnwire.Permission) -> Literal["once"]:
        raise ZeroDivisionError

    with misbehaving(ROOT / "tests/conformance/http/a-permission-nobody-gives.json") as url:
        send_in_vain(program, url, CHAT, "/allow", turnwire.InputRequiredError)
        send_in_vain(program, url, CHAT, "/allow", ZeroDivisionError, on_permission=refuse)


def send_in_vain(program: str, url: str, chat: str, prompt: str, error: type[Exception], **how: Any) -> None:
    """Sends a message that fails, and one that waits until the chat is free."""

    async def run() -> None:
        chats = AsyncTurnwire(base_url=url, api_key=KEY).chat
        with pytest.raises(error):
            await chats.send_message(chat, prompt, **how)
        assert (await chats.send_message(chat, "Now me.", on_conflict="wait", timeout=WITHIN)).text == "Now me."

    if program == "async":
        return asyncio.run(run())
    chats = Turnwire(base_url=url, api_key=KEY).chat
    with pytest.raises(error):
        chats.send_message(chat, prompt, **how)
    assert chats.send_message(chat, "Now me.", on_conflict="wait", timeout=WITHIN).text == "Now me."


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


@pytest.mark.parametrize("program", ["sync", "async"])
@pytest.mark.parametrize("kind", ["turn", "relay"])
def test_next_inside_a_loop_loses_nothing(service: Service, client: Turnwire, kind: str, program: str) -> None:
    chat = client.chat.create()
    if kind == "relay":
        client.chat.send_message(chat.id, "/long 400")
        client.chat.delete(chat.id)

    def number(item: turnwire.TurnEvent | turnwire.RelayItem) -> int | None:
        assert not isinstance(item, (turnwire.RelayGap, turnwire.RelayReset))
        return item.id if isinstance(item, turnwire.RelayEvent) else item.seq

    def run() -> list[int | None]:
        chats = client.chat
        numbers = []
        with chats.respond(chat.id, "/long 400") if kind == "turn" else chats.stream(chat.id, last_event_id=0) as stream:
            for item in stream:
                numbers.append(number(item))
                if len(numbers) % 3 == 2 and (following := next(stream, None)):
                    numbers.append(number(following))
        return numbers

    async def run_async() -> list[int | None]:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        opened = chats.respond(chat.id, "/long 400") if kind == "turn" else chats.stream(chat.id, last_event_id=0)
        numbers = []
        async with opened as stream:
            async for item in stream:
                numbers.append(number(item))
                if len(numbers) % 3 == 2 and (following := await anext(stream, None)):
                    numbers.append(number(following))
        return numbers

    numbers = run() if program == "sync" else asyncio.run(asyncio.wait_for(run_async(), 60))
    assert len(numbers) > 400
    assert numbers == list(range(1, len(numbers) + 1))
