"""Handlers of questions and permissions, and what each of them receives once."""

import asyncio
import json
from typing import Any, Literal

import pytest
import turnwire
from conftest import KEY, ROOT, Service
from testkit import misbehaving, told
from turnwire import AsyncTurnwire, Chat, Turnwire


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
    handlers: list[dict[str, Any]] = [{"on_question": "never"}, {"on_permission": 5}, {"on_state": 5}, {"on_state": 0}]
    chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
    for given in handlers:
        for call in (client.chat.respond, client.chat.send_message, chats.respond):
            with pytest.raises(TypeError, match=next(iter(given))):
                call(chat.id, "/ask", **given)


def test_an_answer_that_comes_second_is_no_error(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.question:
                client.chat.reply_to_question(each.question.request_id, id=chat.id, answers=[["yes"]])
                stream.answer(each.question, [["no"]])
        assert "yes" in stream.result().text


AT_ONCE = ROOT / "tests/conformance/http/a-question-and-a-permission-at-once.json"
REFUSED = ROOT / "tests/conformance/http/a-permission-nobody-gives.json"
TESTKIT = "chat_testkit"


def replies(url: str) -> list[int]:
    requests = told(f"{url}/_testkit")["requests"]
    return [requests["reply_to_question"], requests["reply_to_permission"]]


# PROTOCOL ASK-5.
@pytest.mark.parametrize("how", ["result", "loop", "text", "message"])
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_question_and_a_permission_of_one_status_each_reach_their_handler_once(program: str, how: str) -> None:
    asked: list[str] = []

    def answer(question: turnwire.Question) -> list[list[str]]:
        asked.append(question.request_id)
        return [["yes"]]

    def allow(permission: turnwire.Permission) -> Literal["once"]:
        asked.append(permission.request_id)
        return "once"

    def run(url: str) -> turnwire.Turn:
        chats = Turnwire(base_url=url, api_key=KEY).chat
        if how == "message":
            return chats.send_message(TESTKIT, "/both", on_question=answer, on_permission=allow)
        with chats.respond(TESTKIT, "/both", on_question=answer, on_permission=allow) as stream:
            if how != "result":
                list(stream if how == "loop" else stream.text_stream)
            return stream.result()

    async def run_async(url: str) -> turnwire.Turn:
        chats = AsyncTurnwire(base_url=url, api_key=KEY).chat
        if how == "message":
            return await chats.send_message(TESTKIT, "/both", on_question=answer, on_permission=allow)
        async with chats.respond(TESTKIT, "/both", on_question=answer, on_permission=allow) as stream:
            if how == "loop":
                [_ async for _ in stream]
            if how == "text":
                [_ async for _ in stream.text_stream]
            return await stream.result()

    with misbehaving(AT_ONCE) as url:
        turn = run(url) if program == "sync" else asyncio.run(asyncio.wait_for(run_async(url), 30))
        assert turn.text == "thank you both"
        assert asked == ["que_0", "per_0"]
        assert replies(url) == [1, 1]


def test_a_question_and_a_permission_of_one_status_each_reach_who_iterates_once() -> None:
    asked: list[str] = []

    async def run(url: str) -> None:
        async with AsyncTurnwire(base_url=url, api_key=KEY).chat.respond(TESTKIT, "/both") as stream:
            async for each in stream:
                if each.question:
                    asked.append(each.question.request_id)
                    await stream.answer(each.question, [["yes"]])
                if each.permission:
                    asked.append(each.permission.request_id)
                    await stream.allow(each.permission)
            assert (await stream.result()).text == "thank you both"

    with misbehaving(AT_ONCE) as url:
        with Turnwire(base_url=url, api_key=KEY).chat.respond(TESTKIT, "/both") as stream:
            for each in stream:
                if each.question:
                    asked.append(each.question.request_id)
                    stream.answer(each.question, [["yes"]])
                if each.permission:
                    asked.append(each.permission.request_id)
                    stream.allow(each.permission)
            assert stream.result().text == "thank you both"
        assert asked == ["que_0", "per_0"]
        assert replies(url) == [1, 1]
    asked.clear()
    with misbehaving(AT_ONCE) as url:
        asyncio.run(asyncio.wait_for(run(url), 30))
        assert asked == ["que_0", "per_0"]
        assert replies(url) == [1, 1]


def test_a_refusal_takes_its_reason_along_and_a_reason_that_the_agent_would_not_get_is_refused() -> None:
    with misbehaving(REFUSED) as url:
        chats = Turnwire(base_url=url, api_key=KEY).chat
        with chats.respond(TESTKIT, "/allow") as stream:
            for each in stream:
                if each.permission:
                    with pytest.raises(ValueError, match="with the reply reject only"):
                        stream.allow(each.permission, "once", "fine")
                    with pytest.raises(ValueError, match="with the reply reject only"):
                        request_id = each.permission.request_id
                        chats.reply_to_permission(request_id, id=TESTKIT, reply="always", message="fine")
                    stream.allow(each.permission, "reject", "Not here.")
                    sent = json.loads(told(f"{url}/_testkit")["lastBody"])
                    assert sent == {"reply": "reject", "message": "Not here."}


class Mine(Exception):
    """An error of a handler."""


@pytest.mark.parametrize("how", ["next", "loop", "text"])
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_handler_that_raises_takes_no_event_away(service: Service, chat: Chat, program: str, how: str) -> None:
    asked: list[str] = []

    def answer(question: turnwire.Question) -> list[list[str]]:
        asked.append(question.request_id)
        if len(asked) < 3:
            raise Mine
        return [["yes"]]

    seqs: list[int | None] = []
    pieces: list[str] = []

    def run() -> turnwire.Turn:
        chats = Turnwire(base_url=service.url, api_key=KEY).chat
        with chats.respond(chat.id, "/ask", on_question=answer) as stream:

            def read() -> None:
                if how == "next":
                    while each := next(stream, None):
                        seqs.append(each.seq)
                elif how == "loop":
                    for each in stream:
                        seqs.append(each.seq)
                else:
                    pieces.extend(stream.text_stream)

            for _ in range(2):
                with pytest.raises(Mine):
                    read()
                if seqs:
                    assert stream.cursor == stream._native.cursor_after(seqs[-1])
            read()
            return stream.result()

    async def run_async() -> turnwire.Turn:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/ask", on_question=answer) as stream:

            async def read() -> None:
                if how == "next":
                    while each := await anext(stream, None):
                        seqs.append(each.seq)
                elif how == "loop":
                    async for each in stream:
                        seqs.append(each.seq)
                else:
                    async for piece in stream.text_stream:
                        pieces.append(piece)

            for _ in range(2):
                with pytest.raises(Mine):
                    await read()
                if seqs:
                    assert stream.cursor == stream._native.cursor_after(seqs[-1])
            await read()
            return await stream.result()

    turn = run() if program == "sync" else asyncio.run(asyncio.wait_for(run_async(), 60))
    assert len(asked) == 3 and len(set(asked)) == 1
    assert "yes" in turn.text
    if how == "text":
        # What was written before the question, and after it.
        assert "".join(pieces).startswith("I must ask") and "".join(pieces).endswith(turn.text)
    else:
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_read_that_is_given_up_while_its_handler_works_takes_no_event_away(service: Service, chat: Chat) -> None:
    async def run() -> None:
        asked = asyncio.Event()
        answers: asyncio.Future[list[list[str]]] = asyncio.get_running_loop().create_future()

        async def answer(question: turnwire.Question) -> list[list[str]]:
            asked.set()
            return await asyncio.shield(answers)

        seqs: list[int | None] = []
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.respond(chat.id, "/ask", on_question=answer) as stream:

            async def read() -> None:
                async for each in stream:
                    seqs.append(each.seq)

            reading = asyncio.ensure_future(read())
            await asked.wait()
            with pytest.raises(RuntimeError, match="two tasks"):
                await anext(stream)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            answers.set_result([["yes"]])
            await read()
            assert "yes" in (await stream.result()).text
        assert seqs == list(range(1, len(seqs) + 1))

    asyncio.run(asyncio.wait_for(run(), 60))
