"""Turns that stream, synchronous and asynchronous."""

import asyncio
import gc
import json
import threading

import pytest
import turnwire
from canned import OK_STREAM, STARTED, Canned, event
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, Turnwire, TurnAccumulator

ASKED = event(
    2, "turn.status", status="waiting", requests=[{"kind": "question", "requestId": "que_1", "questions": []}]
)
DELTA = event(2, "message.part.updated", messageId="msg_2", partId="prt_1", partType="text", delta="Hel")


def test_a_turn_streams_and_its_events_fold_into_its_result(client: Turnwire, chat: Chat) -> None:
    fold = TurnAccumulator()
    with client.chat.respond(chat.id, "List the open points.") as stream:
        assert stream.chat_id == chat.id
        assert stream.request_id and stream.request_id.startswith("req_")
        events = list(stream)
        turn = stream.result()
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert (events[0].type, events[-1].type) == ("turn.started", "turn.completed")
    assert "".join(each.text_delta or "" for each in events) == turn.text == "List the open points."
    for each in events:
        fold.push(each)
    assert fold.turn == turn == stream.snapshot == client.chat.turns.retrieve(turn.id, id=chat.id)
    assert stream.turn_id == turn.id and turn.ended and turn.cost_micros


def test_a_tool_is_told_with_what_it_did(client: Turnwire, chat: Chat) -> None:
    turn = client.chat.send_message(chat.id, "/tool Write it.")
    tools = [part for message in turn.messages for part in message.parts if isinstance(part, turnwire.ToolPart)]
    assert [tool.state for tool in tools] == ["done"] and tools[0].tool and tools[0].output is not None
    assert client.chat.files.list(chat.id).files


def test_the_text_of_all_answers_has_an_empty_line_between_two_parts(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/tool Write it.") as stream:
        text = "".join(stream.text_stream)
    parts = [part for message in stream.snapshot.messages for part in message.parts]
    assert text == "\n\n".join(part.text for part in parts if isinstance(part, turnwire.TextPart) and part.text)


def test_reasoning_is_no_answer(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/think Why?") as stream:
        text = "".join(stream.text_stream)
    turn = stream.snapshot
    parts = [part for message in turn.messages for part in message.parts]
    assert any(isinstance(part, turnwire.ReasoningPart) and part.text for part in parts)
    assert text == turn.text


def test_a_question_is_answered_from_the_stream(client: Turnwire, chat: Chat) -> None:
    asked = 0
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.type == "turn.status" and each.question:
                asked += 1
                assert each.question.questions[0].options[0].label == "yes"
                stream.answer(each.question, [["no"]])
        assert "no" in stream.result().text
    assert asked == 1


def test_a_question_that_is_refused_blocks_the_turn(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask") as stream:
        for each in stream:
            if each.question:
                stream.reject(each.question)
        assert stream.result().status == "blocked"
    with pytest.raises(turnwire.NotFoundError) as caught:
        client.chat.reply_to_question("que_nowhere", id=chat.id, answers=[["yes"]])
    assert caught.value.code == "question_not_found"


def test_waiting_for_an_end_that_needs_an_answer_is_an_error_with_the_question(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/ask") as stream:
        with pytest.raises(turnwire.InputRequiredError) as caught:
            stream.result()
        (question,) = caught.value.turn.requests
        assert isinstance(question, turnwire.Question)
        with pytest.raises(turnwire.InputRequiredError):
            list(stream.text_stream)
        stream.answer(question, [["yes"]])
        assert stream.result().status == "completed"


def test_send_message_asks_its_handler(client: Turnwire, chat: Chat) -> None:
    assert "yes" in client.chat.send_message(chat.id, "/ask", on_question=lambda question: [["yes"]]).text
    assert client.chat.send_message(chat.id, "/ask", on_question=lambda question: None).status == "blocked"
    with pytest.raises(turnwire.InputRequiredError):
        client.chat.send_message(chat.id, "/ask")
    client.chat.cancel(chat.id)


def test_send_message_may_leave_the_answer_to_others(client: Turnwire, chat: Chat) -> None:
    def answer_elsewhere() -> None:
        stream = None
        while stream is None:
            stream = client.chat.attach(chat.id)
        for each in stream:
            if each.question:
                client.chat.reply_to_question(each.question.request_id, id=chat.id, answers=[["yes"]])

    other = threading.Thread(target=answer_elsewhere)
    other.start()
    turn = client.chat.send_message(chat.id, "/ask", on_question="wait")
    other.join()
    assert "yes" in turn.text


def test_a_turn_that_fails_raises_only_when_its_result_is_asked_for(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/fail") as stream:
        last = list(stream)[-1]
        assert isinstance(last, turnwire.TurnCompleted) and last.status == "failed"
        with pytest.raises(turnwire.TurnFailedError) as caught:
            stream.result()
    assert caught.value.code == "provider_error" and caught.value.turn == stream.snapshot
    with pytest.raises(turnwire.TurnFailedError):
        client.chat.send_message(chat.id, "/fail")
    with client.chat.respond(chat.id, "/fail") as stream, pytest.raises(turnwire.TurnFailedError):
        list(stream.text_stream)


def test_a_second_turn_is_a_conflict_that_names_the_first(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/slow 100") as stream:
        next(stream)
        with pytest.raises(turnwire.TurnConflictError) as caught:
            client.chat.respond(chat.id, "Me too.")
        assert caught.value.active_turn_id == stream.turn_id
        second = client.chat.respond(chat.id, "Me now.", on_conflict="cancel")
        assert stream.result().status == "cancelled"
        assert second.result().text == "Me now."


def test_a_stream_is_left_and_taken_up_where_it_stood(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/long 50") as stream:
        first = [next(stream) for _ in range(20)]
        cursor = stream.cursor
    assert cursor
    with client.chat.resume(cursor) as again:
        assert again.cursor == cursor
        rest = list(again)
        turn = again.result()
    assert [each.seq for each in first + rest] == list(range(1, len(first + rest) + 1))
    assert "".join(each.text_delta or "" for each in first + rest) == turn.text
    assert client.chat.attach(chat.id) is None
    attached = client.chat.attach(chat.id, turn_id=turn.id)
    assert attached and list(attached) == first + rest


def test_cancel_ends_the_turn_and_tells_it(client: Turnwire, chat: Chat) -> None:
    with client.chat.respond(chat.id, "/slow 100") as stream:
        for each in stream:
            if each.text_delta:
                stream.cancel()
                break
        assert stream.result().status == "cancelled"


def test_leaving_the_loop_leaves_the_turn_running_but_for_cancel_on_close(client: Turnwire, chat: Chat) -> None:
    for cancel in (False, True):
        with client.chat.respond(chat.id, "/slow 3", cancel_on_close=cancel) as stream:
            next(stream)
            turn_id = stream.turn_id
        assert turn_id
        attached = client.chat.attach(chat.id, turn_id=turn_id)
        assert attached and attached.result().status == ("cancelled" if cancel else "completed")


# PROTOCOL CLOCK-5.
@pytest.mark.parametrize("how", ["with", "close", "del", "for"])
def test_leaving_a_stream_closes_its_socket(how: str) -> None:
    with Canned(OK_STREAM + STARTED) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        if how == "for":
            for _ in client.chat.respond("chat_1", "Hi"):
                break
        else:
            stream = client.chat.respond("chat_1", "Hi")
            assert next(stream).type == "turn.started"
            if how == "with":
                with stream:
                    pass
            elif how == "close":
                stream.close()
            else:
                del stream
        gc.collect()
        assert service.left.wait(10)


# PROTOCOL STREAM-11.
def test_a_stream_that_ends_too_early_is_never_a_quiet_half_answer() -> None:
    with Canned(OK_STREAM + STARTED + DELTA, hang_up=True) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        stream = client.chat.respond("chat_1", "Hi", resume="off")
        assert [next(stream).type, next(stream).text_delta] == ["turn.started", "Hel"]
        with pytest.raises(turnwire.IncompleteTurnError) as caught:
            next(stream)
    assert caught.value.turn and caught.value.turn.text == "Hel" and caught.value.cursor
    assert stream.snapshot.text == "Hel"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (OK_STREAM.replace(b"text/event-stream", b"text/html") + b"<p>Sign in", "unexpected_content_type"),
        (OK_STREAM + STARTED + b"data: {not json\n\n", "invalid_frame"),
        (OK_STREAM + STARTED + b'event: error\ndata: {"message":"broken"}\n\n', "stream_error"),
    ],
)
def test_what_is_wrong_with_a_stream_is_an_api_error_with_a_code(reply: bytes, code: str) -> None:
    with Canned(reply, hang_up=True) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        with pytest.raises(turnwire.APIError) as caught:
            list(client.chat.respond("chat_1", "Hi", resume="off"))
    assert type(caught.value) is turnwire.APIError and caught.value.code == code


# PROTOCOL CLOCK-3.
def test_an_idle_stream_is_noticed() -> None:
    with Canned(OK_STREAM + STARTED) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        stream = client.chat.respond("chat_1", "Hi", resume="off", timeout=turnwire.Timeout(idle=0.05))
        next(stream)
        with pytest.raises(turnwire.StreamIdleTimeoutError):
            next(stream)


def test_with_streaming_response_gives_the_stream_of_its_answer(client: Turnwire, chat: Chat) -> None:
    with client.chat.with_streaming_response.respond(chat.id, "Hi there") as response:
        assert response.status_code == 200 and response.request_id
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["turnwire-turn-id"] == response.parse().turn_id
        assert response.parse().result().text == "Hi there"


# PROTOCOL RAW-2.
def test_with_streaming_response_passes_on_the_event_stream(client: Turnwire, service: Service, chat: Chat) -> None:
    def text(lines: list[str]) -> str:
        assert lines[:2] == ["id: 1", "event: turn.started"]
        fold = TurnAccumulator()
        for line in lines:
            if line.startswith("data: "):
                assert fold.push(turnwire.parse_event(line.removeprefix("data: ")))
        assert fold.turn.ended
        return fold.turn.text

    respond = client.chat.with_streaming_response.respond
    with respond(chat.id, "été") as response:
        assert text(list(response.iter_lines())) == "été"
    with respond(chat.id, "été") as response:
        whole = response.read()
        assert whole.endswith(b"\n\n") and text(whole.decode().split("\n")) == "été"
    with client.chat.with_streaming_response.stream(chat.id, last_event_id=0) as relay:
        assert relay.headers["turnwire-cursor"] == "0"
        frame = next(relay.iter_text())
    assert frame.startswith('id: 1\ndata: {"') and frame.endswith("\n\n")

    async def main() -> None:
        chats = AsyncTurnwire(base_url=service.url, api_key=KEY).chat
        async with chats.with_streaming_response.respond(chat.id, "été") as response:
            assert response.headers["turnwire-contract"] == "1"
            assert text([line async for line in response.iter_lines()]) == "été"
        async with chats.with_streaming_response.respond(chat.id, "été") as response:
            assert text((await response.read()).decode().split("\n")) == "été"
        async with chats.with_streaming_response.respond(chat.id, "été") as response:
            stream = await response.parse()
            assert (await stream.result()).text == "été"

    asyncio.run(main())


def test_a_live_relay_says_where_it_began(client: Turnwire, service: Service, chat: Chat) -> None:
    client.chat.send_message(chat.id, "Before")
    head = client.chat.retrieve(chat.id).last_event_id
    with client.chat.stream(chat.id) as relay:
        assert relay.last_event_id == head

    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY).chat.stream(chat.id) as relay:
            assert relay.last_event_id == head

    asyncio.run(main())


def test_an_async_stream_is_awaited_entered_or_iterated(service: Service) -> None:
    async def main() -> None:
        client = AsyncTurnwire(base_url=service.url, api_key=KEY)
        chat = await client.chat.create()
        stream = await client.chat.respond(chat.id, "One")
        assert stream.turn_id and (await stream.result()).text == "One"
        async with client.chat.respond(chat.id, "Two and more") as stream:
            assert "".join([text async for text in stream.text_stream]) == "Two and more"
            assert stream.snapshot.text == "Two and more"
        events = [each async for each in client.chat.respond(chat.id, "Three")]
        assert events[-1].type == "turn.completed"
        async with client.chat.respond(chat.id, "/ask") as stream:
            async for each in stream:
                if each.question:
                    await stream.answer(each.question, [["yes"]])
            turn = await stream.result()
        assert "yes" in turn.text
        async with client.chat.respond(chat.id, "/long 30") as stream:
            first = [await anext(stream) for _ in range(10)]
            cursor = stream.cursor
        assert cursor
        async with client.chat.resume(cursor) as stream:
            rest = [each async for each in stream]
        assert [each.seq for each in first + rest] == list(range(1, len(first + rest) + 1))
        assert await client.chat.attach(chat.id) is None
        with pytest.raises(turnwire.InputRequiredError):
            await client.chat.send_message(chat.id, "/ask")
        async with client.chat.respond(chat.id, "/ask", on_conflict="wait"):
            with pytest.raises(turnwire.TurnConflictError):
                await client.chat.respond(chat.id, "Too soon")
        assert (await client.chat.cancel(chat.id)).ok
        stream = await client.chat.attach(chat.id) or stream
        await asyncio.wait_for(client.chat.delete(chat.id), 10)
        with pytest.raises(turnwire.ChatEndedError):
            async with client.chat.respond(chat.id, "Gone"):
                pass

    asyncio.run(main())


def test_async_handlers_may_be_coroutines_or_not(service: Service) -> None:
    async def later(question: turnwire.Question) -> list[list[str]]:
        await asyncio.sleep(0)
        return [["no"]]

    async def main() -> None:
        client = AsyncTurnwire(base_url=service.url, api_key=KEY)
        chat = await client.chat.create()
        assert "no" in (await client.chat.send_message(chat.id, "/ask", on_question=later)).text
        assert "yes" in (await client.chat.send_message(chat.id, "/ask", on_question=lambda question: [["yes"]])).text

    asyncio.run(main())


def test_events_are_json_as_they_came() -> None:
    odd = json.dumps({"type": "turn.sang", "seq": 2, "chatId": "chat_1", "turnId": "turn_1", "x": {"b": 1, "a": 1.50}})
    done = event(3, "turn.completed", status="completed")
    frames = STARTED + f"data: {odd}\n\n".encode() + done
    with Canned(OK_STREAM + frames, hang_up=True) as service:
        events = list(Turnwire(base_url=service.url, api_key="k").chat.respond("chat_1", "Hi"))
    assert events[1].raw == odd and isinstance(events[1], turnwire.UnknownEvent)
