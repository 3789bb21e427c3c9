"""Every scenario of tests/conformance/http: a service that misbehaves, a call, and what must come of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import turnwire
from conftest import ROOT
from turnwire import AsyncTurnwire, RelayEvent, RelayGap, Timeout, TurnAccumulator, Turnwire, TurnwireError

CHAT = "chat_testkit"
KEY = "sk_testkit_secret"
SCENARIOS = sorted((ROOT / "tests/conformance/http").glob("*.json"))


@dataclass
class Outcome:
    """What a call came to."""

    fold: TurnAccumulator = field(default_factory=TurnAccumulator)
    turn: turnwire.Turn | None = None
    numbers: list[int] = field(default_factory=list)
    deltas: str = ""
    ended: bool = False
    relayed: int = 0
    notices: list[str] = field(default_factory=list)
    size: int | None = None
    error: TurnwireError | None = None

    def told(self, event: turnwire.TurnEvent) -> None:
        if event.seq:
            self.numbers.append(event.seq)
        self.deltas += event.text_delta or ""
        self.ended |= event.type == "turn.completed"
        self.fold.push(event)

    def heard(self, item: turnwire.RelayItem) -> bool:
        """Whether that was the last."""
        if isinstance(item, RelayEvent):
            self.relayed += 1
            assert item.id == self.relayed
        else:
            self.notices.append(f"gap {item.oldest}" if isinstance(item, RelayGap) else f"reset {item.head}")
        return self.relayed == 15


class Call:
    """The call of a scenario."""

    def __init__(self, call: dict[str, Any]) -> None:
        self.operation = call["operation"]
        self.acquainted = call.get("acquainted", False)
        self.prompt = call.get("prompt", "one twö three four five")
        names = {"resume": "resume", "onConflict": "on_conflict"}
        self.how = {name: call[wire] for wire, name in names.items() if wire in call}
        self.client = {"max_event_bytes": call["maxEventBytes"]} if "maxEventBytes" in call else {}
        options = call.get("options", {})
        renamed = {"maxRetries": "max_retries", "idempotencyKey": "idempotency_key"}
        renamed |= {name: f"extra_{name}" for name in ("headers", "query", "body")}
        self.options: dict[str, Any] = {renamed.get(name, name): value for name, value in options.items()}
        timeout = options.get("timeout")
        if isinstance(timeout, dict):
            self.options["timeout"] = Timeout(**{name[:-2]: (ms or None) and ms / 1000 for name, ms in timeout.items()})
        elif timeout is not None:
            self.options["timeout"] = timeout / 1000

    def run(self, url: str, outcome: Outcome) -> None:
        client = Turnwire(base_url=url, api_key=KEY, backoff_scale=0, **self.client)
        chats = client.chat
        if self.acquainted:
            chats.retrieve(CHAT)
        if self.operation == "respond":
            stream = chats.respond(CHAT, self.prompt, **self.how, **self.options)
            try:
                for event in stream:
                    outcome.told(event)
            except TurnwireError as error:
                assert error.turn == outcome.fold.turn
                assert next(stream, None) is None
                raise
            outcome.turn = stream.snapshot
            stream.result()
        elif self.operation == "sendMessage":
            outcome.turn = chats.send_message(CHAT, self.prompt, **self.options)
        elif self.operation == "download":
            outcome.size = len(chats.files.download("a/file.txt", id=CHAT, **self.options))
        elif self.operation == "relay":
            relay = chats.stream(CHAT, last_event_id=0, **self.options)
            assert any(outcome.heard(item) for item in relay) and relay.last_event_id == 15
        elif self.operation == "relayLive":
            relay = chats.stream(CHAT, **self.options)
            assert relay.last_event_id == 0
            chats.send_message(CHAT, self.prompt)
            assert any(outcome.heard(item) for item in relay) and relay.last_event_id == 15
        elif self.operation == "create":
            chats.create(**self.options)
        else:
            getattr(chats, self.operation)(CHAT, **self.options)

    async def run_async(self, url: str, outcome: Outcome) -> None:
        client = AsyncTurnwire(base_url=url, api_key=KEY, backoff_scale=0, **self.client)
        chats = client.chat
        if self.acquainted:
            await chats.retrieve(CHAT)
        if self.operation == "respond":
            stream = chats.respond(CHAT, self.prompt, **self.how, **self.options)
            try:
                async for event in stream:
                    outcome.told(event)
            except TurnwireError as error:
                if outcome.numbers:
                    assert error.turn == outcome.fold.turn
                    assert await anext(stream, None) is None
                raise
            outcome.turn = stream.snapshot
            await stream.result()
        elif self.operation == "sendMessage":
            outcome.turn = await chats.send_message(CHAT, self.prompt, **self.options)
        elif self.operation == "download":
            outcome.size = len(await chats.files.download("a/file.txt", id=CHAT, **self.options))
        elif self.operation in ("relay", "relayLive"):
            live = self.operation == "relayLive"
            async with chats.stream(CHAT, last_event_id=None if live else 0, **self.options) as relay:
                assert relay.last_event_id == 0
                if live:
                    await chats.send_message(CHAT, self.prompt)
                async for item in relay:
                    if outcome.heard(item):
                        break
                assert relay.last_event_id == 15
        elif self.operation == "create":
            await chats.create(**self.options)
        else:
            await getattr(chats, self.operation)(CHAT, **self.options)


@contextmanager
def misbehaving(scenario: Path) -> Iterator[str]:
    program = os.environ.get("TURNWIRE_TESTKIT") or str(ROOT / "target/debug/turnwire-testkit")
    command = [program, str(scenario)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().split()[-1]
        process.stdin.close()


def counts(url: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{url}/_testkit", headers={"connection": "close"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: str(file.stem))
def test_a_fault_comes_to_what_it_must(file: Path, how: str) -> None:
    scenario = json.loads(file.read_text())
    expect = scenario["expect"]
    call = Call(scenario["call"])
    outcome = Outcome()
    with misbehaving(file) as url:
        try:
            call.run(url, outcome) if how == "sync" else asyncio.run(call.run_async(url, outcome))
        except TurnwireError as error:
            outcome.error, outcome.turn = error, error.turn or outcome.turn
        failed = outcome.error
        shown = "".join(traceback.format_exception(failed)) + repr(failed) + repr(vars(failed)) if failed else ""
        assert (type(failed).__name__ if failed else None) == expect.get("error"), shown
        assert KEY not in shown
        found = {
            "status": outcome.turn and outcome.turn.status,
            "text": outcome.turn and outcome.turn.text,
            "code": failed and failed.code,
            "httpStatus": failed and failed.status_code,
            "bytes": outcome.size,
            "relayed": outcome.relayed,
            "notices": outcome.notices,
        }
        assert {name: found[name] for name in found if name in expect} == {
            name: expect[name] for name in found if name in expect
        }
        if expect.get("everyEventOnce"):
            assert outcome.ended and outcome.numbers == list(range(1, len(outcome.numbers) + 1))
        if outcome.ended and outcome.turn:
            assert outcome.deltas == outcome.turn.text
        seen = counts(url)
        until = time.monotonic() + 20
        # The one that asks is open too.
        while expect.get("closed") and seen["openConnections"] > 1 and time.monotonic() < until:
            seen = counts(url)
        assert not expect.get("closed") or seen["openConnections"] == 1
        for name in ("turns", "elsewhere"):
            assert name not in expect or seen[name] == expect[name]
        for name, count in expect.get("requests", {}).items():
            assert seen["requests"].get(name, 0) == count, name
        assert not seen["secretsElsewhere"]
