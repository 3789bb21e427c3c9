"""The hosted service's own Python client against this server: all ten operations, sync and async, parsed and as raw answers.

Usage: python official_python.py BASE_URL API_KEY      (needs casedev 0.55.0 from PyPI)
"""

import asyncio
import inspect
import sys

from casedev import AsyncCasedev, AuthenticationError, Casedev, ConflictError, NotFoundError

base_url, api_key = sys.argv[1:3]
OPERATIONS = {
    "create", "delete", "cancel", "create_stream_token", "reply_to_question", "respond", "send_message", "stream",
    "files.list", "files.download",
}  # fmt: skip


def text(said):
    return [{"type": "text", "text": said}]


async def ask(value):
    """What a sync client gave, or an async one promised."""
    return await value if inspect.isawaitable(value) else value


async def each(stream):
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
    else:
        for event in stream:
            yield event


async def whole(stream):
    found = [event["type"] async for event in each(stream)]
    assert found[0] == "turn.started" and found[-1] == "turn.completed", found


class Chats:
    """`client.agent.v2.chat`; `raw`: each operation through `with_raw_response`."""

    def __init__(self, client, raw):
        self.client, self.raw, self.called = client, raw, set()

    async def __call__(self, operation, *args, **kwargs):
        self.called.add(operation)
        place = self.client.agent.v2.chat
        *folders, name = operation.split(".")
        for folder in folders:
            place = getattr(place, folder)
        if not self.raw:
            return await ask(getattr(place, name)(*args, **kwargs))
        answer = await ask(getattr(place.with_raw_response, name)(*args, **kwargs))
        assert answer.headers["turnwire-contract"] == "1" and answer.headers["x-request-id"].startswith("req_")
        assert answer.status_code == (204 if name == "reply_to_question" else 200), answer.status_code
        # A file is its own raw answer.
        return answer if operation == "files.download" else await ask(answer.parse())

    async def fails(self, error, status, operation, *args, **kwargs):
        try:
            await self(operation, *args, **kwargs)
        except error as raised:
            assert raised.status_code == status, raised
            return raised
        raise AssertionError(f"{operation} was taken")


async def all_ten(client, raw):
    chat = Chats(client, raw)
    made = await chat("create", title="Official", idle_timeout_ms=60_000)
    assert made.id.startswith("chat_") and made.status == "active" and made.idle_timeout_ms == 60_000, made

    await whole(await chat("respond", made.id, parts=text("Hello there")))
    # Typed as nothing, the answer is there all the same: only the raw one shows it.
    assert await chat("send_message", made.id, parts=text("/tool")) is None

    listed = await chat("files.list", made.id)
    assert listed.chat_id == made.id and [file.path for file in listed.files] == ["hello.txt"], listed
    content = await chat("files.download", "hello.txt", id=made.id)
    assert await ask(content.read()) == b"Hello from Turnwire.\n"

    seen = []
    async for event in each(await chat("respond", made.id, parts=text("/ask"))):
        seen.append(event["type"])
        for request in event.get("requests", []):
            await chat("reply_to_question", request["requestId"], id=made.id, answers=[["yes"]])
    assert seen[-1] == "turn.completed", seen
    gone = {"id": made.id, "answers": [["yes"]]}
    await chat.fails(NotFoundError, 404, "reply_to_question", "que_none", **gone)

    token = await chat("create_stream_token", made.id)
    assert token.stream_url.startswith(base_url) and token.token in token.stream_url
    told = []
    async for event in each(await chat("stream", made.id, last_event_id=0)):
        told.append(event["type"])
        if told.count("session.idle") == 3:
            break
    assert told[0] == "session.created" and told.count("turnwire.turn.accepted") == 3, told

    running = await chat("respond", made.id, parts=text("/slow 1000"))
    async for event in each(running):
        if event["type"] == "message.part.updated":
            break
    conflict = await chat.fails(ConflictError, 409, "respond", made.id, parts=text("Another"))
    assert conflict.body["error"]["code"] == "turn_conflict", conflict.body
    assert (await chat("cancel", made.id)).ok is True
    rest = [event async for event in each(running)]
    assert rest[-1]["type"] == "turn.completed" and rest[-1]["status"] == "cancelled", rest[-1]

    ended = await chat("delete", made.id)
    assert ended.status == "ended" and ended.runtime_ms >= 0 and ended.id == made.id, ended
    assert (await chat("delete", made.id)).runtime_ms == ended.runtime_ms
    await chat.fails(NotFoundError, 404, "delete", "chat_none")
    assert chat.called == OPERATIONS, OPERATIONS - chat.called


async def options(client):
    """`with_options`, on which every operation stands as on the client itself."""
    await all_ten(client.with_options(max_retries=0, timeout=60, default_headers={"x-test": "1"}), raw=False)
    stranger = Chats(client.with_options(api_key="wrong", max_retries=0), raw=False)
    await stranger.fails(AuthenticationError, 401, "create")


async def main():
    for kind in (Casedev, AsyncCasedev):
        client = kind(api_key=api_key, base_url=base_url)
        for raw in (False, True):
            await all_ten(client, raw)
        await options(client)
        await ask(client.close())


asyncio.run(main())
print("ok")
