"""This package under ``turnwire-testkit conformance``, as docs/conformance.md describes it: its synchronous client, or with
``--async`` the other one. Both have the same names, so that one function drives both."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any

from turnwire import AsyncTurnwire, Permission, RelayEvent, RelayGap, Timeout, Turnwire, TurnwireError

FEATURES = """create retrieve list delete cancel files download respond sendMessage answer leave attach relay relayLive otherServices
resumeByRelay resumeOff onConflict gzip caBundle proxy socks headers maxRetries maxEventBytes timeout.answer timeout.idle timeout.total
headLimits wording""".split()


async def got(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def items(stream: Any) -> AsyncIterator[Any]:
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


def write(**line: Any) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


def client_of(request: dict[str, Any], kind: Any) -> Any:
    names = {"caBundle": "ca_bundle", "proxy": "proxy", "maxEventBytes": "max_event_bytes", "backoffScale": "backoff_scale"}
    given = {name: request[wire] for wire, name in names.items() if wire in request}
    return kind(base_url=request["baseUrl"], api_key=request["apiKey"], **given)


def options_of(request: dict[str, Any]) -> dict[str, Any]:
    options = request.get("options", {})
    names = {"maxRetries": "max_retries", "headers": "extra_headers"}
    given = {names[name]: value for name, value in options.items() if name in names}
    if "timeout" in options:
        clocks = {name[:-2]: (ms or None) and ms / 1000 for name, ms in options["timeout"].items()}
        given["timeout"] = Timeout(**clocks)
    return given


async def run(request: dict[str, Any], kind: Any) -> Any:
    client = client_of(request, kind)
    try:
        return await call(request, client.chat)
    finally:
        await got(client.close())


async def call(request: dict[str, Any], chats: Any) -> Any:
    operation, chat, prompt = request["operation"], request["chatId"], request.get("prompt")
    options = options_of(request)
    if request.get("acquainted"):
        await got(chats.retrieve(chat))
    if operation == "respond":
        names = {"resume": "resume", "onConflict": "on_conflict"}
        how = {name: request[wire] for wire, name in names.items() if wire in request}
        return await follow(chats.respond(chat, prompt, **how, **options), request)
    if operation == "attach":
        stream = await got(chats.attach(chat, **options))
        return stream and await follow(stream, request)
    if operation in ("relay", "relayLive"):
        return await relay(chats, request, options)
    if operation == "sendMessage":
        return (await got(chats.send_message(chat, prompt, **options))).to_dict()
    if operation == "download":
        return {"bytes": len(await got(chats.files.download("a/file.txt", id=chat, **options)))}
    if operation == "list":
        page = await got(chats.list(**options))
        return {"data": [found.to_dict() for found in page.data], "nextCursor": page.next_cursor}
    if operation == "create":
        return (await got(chats.create(**options))).to_dict()
    method = chats.files.list if operation == "files" else getattr(chats, operation)
    return (await got(method(chat, **options))).to_dict()


async def follow(stream: Any, request: dict[str, Any]) -> Any:
    """Reads a turn to its end, and does in between what its caller is to do."""
    delivered = 0
    try:
        async for event in items(stream):
            write(event=event.to_dict())
            delivered += 1
            asked = (event.question or event.permission) if request.get("answer") else None
            if isinstance(asked, Permission):
                await got(stream.allow(asked))
            elif asked:
                await got(stream.answer(asked, [[each.options[0].label] for each in asked.questions]))
            if delivered == request.get("cancelAfter"):
                await got(stream.cancel())
            if delivered == request.get("leaveAfter"):
                await got(stream.close())
                return stream.snapshot.to_dict()
    except TurnwireError:
        # A call that failed has no stream.
        assert not delivered or [item async for item in items(stream)] == [], "an error ends the stream"
        raise
    snapshot = stream.snapshot
    turn = await got(stream.result())
    assert turn == snapshot
    return turn.to_dict()


async def relay(chats: Any, request: dict[str, Any], options: dict[str, Any]) -> Any:
    live = request["operation"] == "relayLive"
    stream = chats.stream(request["chatId"], last_event_id=None if live else 0, **options)
    if hasattr(stream, "__aenter__"):
        await stream.__aenter__()
    assert stream.last_event_id == 0
    if live:
        await got(chats.send_message(request["chatId"], request["prompt"]))
    async for item in items(stream):
        if isinstance(item, RelayEvent):
            write(relayEvent=item.id)
            if item.id == request["until"]:
                break
        else:
            write(notice=f"gap {item.oldest}" if isinstance(item, RelayGap) else f"reset {item.head}")
    return {"lastEventId": stream.last_event_id}


def failure(error: TurnwireError) -> dict[str, Any]:
    printed = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    told = {"code": error.code, "message": str(error), "class": type(error).__name__, "printed": printed}
    turn = error.turn
    return told | {"status": error.status_code} | ({"turn": turn.to_dict()} if turn else {})


def main() -> None:
    kind = AsyncTurnwire if "--async" in sys.argv else Turnwire
    write(client=f"turnwire (Python, {kind.__name__})", features=FEATURES)
    for line in sys.stdin:
        try:
            # A loop of its own for each, as for the caller who makes a client in it.
            write(result=asyncio.run(run(json.loads(line), kind)))
        except TurnwireError as error:
            write(error=failure(error))


if __name__ == "__main__":
    main()
