"""The hosted service's own Python client against this server: all ten operations, sync and async.

Usage: python official_python.py BASE_URL API_KEY      (needs casedev 0.55.0 from PyPI)
"""

import asyncio
import sys

from casedev import AsyncCasedev, Casedev, ConflictError, NotFoundError

base_url, api_key = sys.argv[1:3]
TEXT = [{"type": "text", "text": "Hello there"}]


def types(events):
    return [event["type"] for event in events]


def whole(events):
    found = types(events)
    assert found[0] == "turn.started" and found[-1] == "turn.completed", found
    assert all(event is not None for event in events)


def sync():
    client = Casedev(api_key=api_key, base_url=base_url)
    chats = client.agent.v2.chat
    chat = chats.create(title="Official", idle_timeout_ms=60_000)
    assert chat.id.startswith("chat_") and chat.status == "active" and chat.idle_timeout_ms == 60_000

    whole(list(chats.respond(chat.id, parts=TEXT)))
    assert chats.send_message(chat.id, parts=[{"type": "text", "text": "/tool"}]) is None

    files = chats.files.list(chat.id)
    assert any(file.path == "hello.txt" for file in files.files), files
    content = chats.files.download("hello.txt", id=chat.id)
    assert content.read() == b"Hello from Turnwire.\n"

    asked = chats.respond(chat.id, parts=[{"type": "text", "text": "/ask"}])
    seen = []
    for event in asked:
        seen.append(event)
        for request in event.get("requests", []):
            chats.reply_to_question(request["requestId"], id=chat.id, answers=[["yes"]])
    whole(seen)

    token = chats.create_stream_token(chat.id)
    assert token.stream_url.startswith(base_url) and token.token in token.stream_url
    stream = chats.stream(chat.id, last_event_id=0)
    first = next(iter(stream))
    assert first is not None
    stream.close()

    running = chats.respond(chat.id, parts=[{"type": "text", "text": "/slow 1000"}])
    for event in running:
        if event["type"] == "message.part.updated":
            break
    try:
        chats.respond(chat.id, parts=TEXT)
        raise AssertionError("a second turn was taken")
    except ConflictError as error:
        assert error.status_code == 409, error
    assert chats.cancel(chat.id).ok is True
    rest = list(running)
    assert rest[-1]["type"] == "turn.completed", types(rest)

    raw = chats.with_raw_response.create()
    assert raw.headers["turnwire-contract"] == "1"
    other = raw.parse()
    assert client.with_options(max_retries=0).agent.v2.chat.delete(other.id).status == "ended"
    ended = chats.delete(chat.id)
    assert ended.status == "ended" and ended.runtime_ms >= 0, ended
    try:
        chats.delete("chat_none")
        raise AssertionError("a chat that is not there was deleted")
    except NotFoundError as error:
        assert error.status_code == 404


async def not_sync():
    client = AsyncCasedev(api_key=api_key, base_url=base_url)
    chats = client.agent.v2.chat
    chat = await chats.create()
    whole([event async for event in await chats.respond(chat.id, parts=TEXT)])
    await chats.send_message(chat.id, parts=[{"type": "text", "text": "/tool"}])
    files = await chats.files.list(chat.id)
    assert files.chat_id == chat.id
    content = await chats.files.download("hello.txt", id=chat.id)
    assert await content.read() == b"Hello from Turnwire.\n"
    await chats.create_stream_token(chat.id)
    async for event in await chats.stream(chat.id, last_event_id=0):
        assert event is not None
        break
    assert (await chats.cancel(chat.id)).ok is True
    assert (await chats.delete(chat.id)).status == "ended"


sync()
asyncio.run(not_sync())
print("ok")
