"""The operations that answer once, synchronous and asynchronous, against a real server."""

import asyncio
import inspect
import json
from pathlib import Path

import pytest
import turnwire
from canned import Canned, answer
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, Turnwire


def test_a_chat_is_made_found_renamed_and_ended(client: Turnwire) -> None:
    chat = client.chat.create(title="One", idle_timeout_ms=120_000)
    assert (chat.title, chat.idle_timeout_ms, chat.status) == ("One", 120_000, "active")
    assert chat.created_at and chat.created_at.tzinfo
    assert client.chat.update(chat.id, title="Two").title == "Two"
    assert client.chat.retrieve(chat.id).title == "Two"
    assert client.chat.cancel(chat.id).ok
    ended = client.chat.delete(chat.id)
    assert ended.status == "ended" and ended == client.chat.delete(chat.id)
    with pytest.raises(turnwire.ChatEndedError):
        client.chat.send_message(chat.id, "Are you there?")


def test_the_path_of_the_hosted_clients_leads_to_the_same_chats(client: Turnwire) -> None:
    assert client.agent.v2.chat is client.chat


def test_lists_iterate_over_all_pages(client: Turnwire) -> None:
    made = [client.chat.create(title=f"Listed {number}").id for number in range(5)]
    page = client.chat.list(limit=2)
    assert len(page.data) == 2 and page.has_next_page()
    assert [chat.id for chat in page][:5] == made[::-1]
    assert page.get_next_page().data[0].id == made[2]


def test_messages_and_turns_are_read_again(client: Turnwire, chat: Chat) -> None:
    turn = client.chat.send_message(chat.id, "Say it again.")
    assert client.chat.turns.retrieve(turn.id, id=chat.id) == turn
    assert client.chat.with_raw_response.turns.retrieve(turn.id, id=chat.id).json() == turn.to_dict()
    messages = list(client.chat.messages.list(chat.id))
    assert [part.text for part in messages[-1].parts if isinstance(part, turnwire.TextPart)] == ["Say it again."]


def test_files_go_up_and_come_down(client: Turnwire, chat: Chat, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    entry = client.chat.files.upload("notes/été 1.bin", id=chat.id, content=content)
    assert (entry.path, entry.size_bytes) == ("notes/été 1.bin", len(content))
    assert entry in client.chat.files.list(chat.id).files
    file = client.chat.files.download("notes/été 1.bin", id=chat.id)
    assert file.content == content and file.filename == "été 1.bin"
    with client.chat.with_streaming_response.files.download("notes/été 1.bin", id=chat.id) as pieces:
        assert pieces.status_code == 200 and pieces.content_length == len(content)
        pieces.write_to_file(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    client.chat.files.upload("copy", id=chat.id, content=tmp_path / "copy")
    client.chat.files.delete("notes/été 1.bin", id=chat.id)
    assert client.chat.with_raw_response.files.delete("notes/été 1.bin", id=chat.id).status_code == 204, "again"
    assert [file.path for file in client.chat.files.list(chat.id).files] == ["copy"]
    with pytest.raises(turnwire.BadRequestError, match="folder"):
        client.chat.files.delete("notes", id=chat.id)
    with pytest.raises(turnwire.NotFoundError) as caught:
        client.chat.files.download("nowhere", id=chat.id)
    assert caught.value.code == "file_not_found"
    with pytest.raises(turnwire.BadRequestError):
        client.chat.files.download("../../etc/passwd", id=chat.id)


def test_raw_answers_have_status_headers_and_bytes(client: Turnwire, chat: Chat) -> None:
    raw = client.chat.with_raw_response.retrieve(chat.id)
    assert raw.status_code == 200 and raw.headers["Turnwire-Contract"] == "1"
    assert raw.request_id == raw.headers["x-request-id"]
    assert raw.parse() == Chat.from_dict(raw.json()) and raw.parse().id == client.chat.retrieve(chat.id).id == chat.id
    assert client.chat.with_raw_response.send_message(chat.id, "Hello").parse().text == "Hello"
    page = client.chat.with_raw_response.list(limit=1).parse()
    assert len(page.data) == 1 and len(page.get_next_page().data) == 1
    with pytest.raises(turnwire.NotFoundError):
        client.chat.with_raw_response.retrieve("chat_nowhere")


def test_a_wrong_key_and_none_are_refused(service: Service) -> None:
    with pytest.raises(turnwire.AuthenticationError) as caught:
        Turnwire(base_url=service.url, api_key="sk_wrong").chat.create()
    assert caught.value.code == "unauthorized" and "sk_wrong" not in str(caught.value)


@pytest.mark.parametrize("call", ["retrieve", "delete", "cancel", "create_stream_token", "respond"])
def test_an_empty_id_is_refused_before_anything_is_sent(call: str) -> None:
    with Canned(answer(200, b"{}")) as service:
        chats = Turnwire(base_url=service.url, api_key="k").chat
        with pytest.raises(ValueError, match="id is empty"):
            chats.respond("", "Hi") if call == "respond" else getattr(chats, call)("")
        assert service.requests == []


def test_a_prompt_is_a_text_or_parts_and_never_both_or_neither(client: Turnwire) -> None:
    part = {"type": "text", "text": "Hi"}
    with pytest.raises(TypeError, match="pass either the prompt"):
        client.chat.respond("chat_1")
    with pytest.raises(TypeError, match="pass either the prompt"):
        client.chat.send_message("chat_1", "Hi", parts=[part])
    with pytest.raises(TypeError, match="parts="):
        client.chat.respond("chat_1", [part])  # type: ignore[arg-type]
    for call in (client.chat.respond, client.chat.send_message, client.chat.with_raw_response.send_message):
        with pytest.raises(ValueError, match="prompt is empty"):
            call("chat_1", "")
    with pytest.raises(ValueError, match="empty"):
        client.chat.respond("chat_1", parts=[])
    with pytest.raises(TypeError, match="one list of strings"):
        client.chat.reply_to_question("que_1", id="chat_1", answers=["yes"])
    with pytest.raises(TypeError, match="there is no option 'timeot'"):
        client.chat.create(timeot=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="above 0"):
        client.chat.create(timeout=-1)


def test_a_wrong_argument_is_named_in_a_sentence(client: Turnwire, chat: Chat) -> None:
    for timeout in ("5", True, [5]):
        with pytest.raises(TypeError, match="a timeout is a number of seconds"):
            client.chat.create(timeout=timeout)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a timeout is a number of seconds"):
            turnwire.Timeout(answer=timeout)  # type: ignore[arg-type]
    for clock in (0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            turnwire.Timeout(answer=clock)
    with pytest.raises(TypeError, match="^id must be a string; this is a Chat$"):
        client.chat.retrieve(chat)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^title must be a string, not integer `7`\.$"):
        client.chat.update(chat.id, title=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^on_conflict must be one of `error`, `wait`, `cancel`, not `ignore`\.$"):
        client.chat.respond(chat.id, "Hi", on_conflict="ignore")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^extra_headers\['x'\] must be a string, or None, not int$"):
        client.chat.create(extra_headers={"x": 5})  # type: ignore[dict-item]


def test_a_default_is_shown_without_its_address() -> None:
    assert "0x" not in str(inspect.signature(Turnwire.__init__))


def test_what_a_service_cannot_take_is_a_clear_error(client: Turnwire, chat: Chat) -> None:
    with pytest.raises(turnwire.APIStatusError) as caught:
        client.chat.respond(chat.id, "x" * 5_000_000)
    assert (caught.value.status_code, caught.value.code) == (413, "payload_too_large")
    with pytest.raises(turnwire.BadRequestError):
        client.chat.respond(chat.id, parts=[{"type": "video", "url": "data:,"}])
    with pytest.raises(turnwire.BadRequestError):
        client.chat.create(idle_timeout_ms=1)
    for path in ("../secret", "/etc/passwd", "a/../../b"):
        with pytest.raises(turnwire.APIStatusError) as caught:
            client.chat.files.upload(path, id=chat.id, content="x")
        assert caught.value.status_code in (400, 404), path
    with pytest.raises(TypeError, match="cannot be sent"):
        client.chat.create(title=object())  # type: ignore[arg-type]


def test_options_of_the_client_and_of_the_call_reach_the_service() -> None:
    with Canned(answer(200, b'{"id":"chat_1"}')) as service:
        client = Turnwire(base_url=service.url, api_key="k", default_headers={"x-a": "1"}, user_agent="mine/2")
        client = client.with_options(extra_headers={"x-b": "2"}, extra_query={"q": ["1", "é"]})
        client.chat.create(
            title="T", idempotency_key="key-1", extra_headers={"x-a": None}, extra_body={"more": {"a": 1}}
        )
        head, _, body = service.requests[0].decode().partition("\r\n\r\n")
    lines = head.lower().split("\r\n")
    assert lines[0].startswith("post /agent/v2/chat?") and "q=1" in lines[0] and "q=%c3%a9" in lines[0]
    assert {"x-b: 2", "idempotency-key: key-1", "authorization: bearer k", "user-agent: mine/2"} <= set(lines)
    assert not any(line.startswith("x-a:") for line in lines)
    assert json.loads(body) == {"title": "T", "more": {"a": 1}}


def test_a_clock_that_runs_out_is_a_timeout() -> None:
    with Canned(b"") as service:
        client = Turnwire(base_url=service.url, api_key="k", max_retries=0)
        with pytest.raises(turnwire.APITimeoutError) as caught:
            client.chat.retrieve("chat_1", timeout=0.05)
        assert caught.value.code == "answer_timeout"
        with pytest.raises(turnwire.APITimeoutError) as caught:
            client.chat.retrieve("chat_1", timeout=turnwire.Timeout(total=0.05))
        assert caught.value.code == "total_timeout"


def test_the_same_in_an_asynchronous_program(service: Service) -> None:
    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as client:
            assert client.agent.v2.chat is client.chat
            chat = await client.chat.create(title="Async")
            assert (await client.chat.retrieve(chat.id)).title == "Async"
            assert (await client.chat.update(chat.id, title="Two")).title == "Two"
            ids = [each.id async for each in client.chat.list(limit=1)]
            assert ids[0] == chat.id and len(ids) > 1
            page = await client.chat.list(limit=1)
            assert page.has_next_page() and len((await page.get_next_page()).data) == 1
            await client.chat.files.upload("a.txt", id=chat.id, content="Hallo")
            assert (await client.chat.files.download("a.txt", id=chat.id)).text == "Hallo"
            async with client.chat.with_streaming_response.files.download("a.txt", id=chat.id) as pieces:
                assert await pieces.read() == b"Hallo"
            await client.chat.files.delete("a.txt", id=chat.id)
            assert not (await client.chat.files.list(chat.id)).files
            turn = await client.chat.send_message(chat.id, "Hello")
            assert await client.chat.turns.retrieve(turn.id, id=chat.id) == turn
            assert [message.role async for message in client.chat.messages.list(chat.id)]
            raw = await client.chat.with_raw_response.cancel(chat.id)
            assert raw.parse().ok and raw.status_code == 200
            with pytest.raises(ValueError):
                await client.chat.retrieve("")
            assert (await client.chat.delete(chat.id)).status == "ended"

    asyncio.run(main())


def test_cancelling_a_task_closes_the_connection_of_its_call() -> None:
    async def main(service: Canned) -> None:
        client = AsyncTurnwire(base_url=service.url, api_key="k")
        task = asyncio.create_task(client.chat.retrieve("chat_1"))
        assert await asyncio.to_thread(service.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(service.left.wait, 10)

    with Canned(b"") as service:
        asyncio.run(main(service))


def test_http2_is_spoken_from_the_first_byte_where_that_is_asked_for(service: Service) -> None:
    client = Turnwire(base_url=service.url, api_key=KEY, http2_prior_knowledge=True, no_proxy=True, tcp_keepalive=5)
    chat = client.chat.create()
    assert client.chat.send_message(chat.id, "Over two").text == "Over two"
    client.chat.delete(chat.id)
    with Canned(answer(200, b"{}")) as old:
        client = Turnwire(base_url=old.url, api_key="k", http2_prior_knowledge=True, max_retries=0)
        with pytest.raises(turnwire.APIConnectionError):
            client.chat.retrieve("chat_1")
    with pytest.raises(TypeError, match="number of seconds"):
        Turnwire(tcp_keepalive="long")  # type: ignore[arg-type]


def test_a_key_over_plain_http_to_another_machine_is_warned_of_once(service: Service) -> None:
    code = """
import warnings
from turnwire import AsyncTurnwire, Turnwire
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    Turnwire(base_url="http://127.0.0.1:1", api_key="k")
    Turnwire(base_url="https://service.invalid", api_key="k")
    Turnwire(base_url="http://service.invalid", api_key="k").with_options(max_retries=1)
    AsyncTurnwire(base_url="http://service.invalid", api_key="k")
for one in said:
    print(one.category.__name__, one.filename, one.lineno, one.message)
"""
    said = service.python(code).stdout.splitlines()
    sentence = "The key is sent to service.invalid over plain http, where others can read it; use https."
    assert said == [f"UserWarning <string> 8 {sentence}"]
