"""Every scenario of tests/conformance/http: a service that misbehaves, a call, and what must come of it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
import traceback
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import turnwire
from conftest import ROOT, difference
from testkit import misbehaving, told
from turnwire import AsyncTurnwire, RelayEvent, RelayGap, StreamState, Timeout, TurnAccumulator, Turnwire, TurnwireError

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
    answer: Any = None
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
        self.client: dict[str, Any] = {"max_event_bytes": call["maxEventBytes"]} if "maxEventBytes" in call else {}
        self.tls, self.ca_bundle, self.proxy = (call.get(name, False) for name in ("tls", "caBundle", "proxy"))
        self.socks = call.get("socks", False)
        options = call.get("options", {})
        renamed = {"maxRetries": "max_retries", "idempotencyKey": "idempotency_key"}
        renamed |= {name: f"extra_{name}" for name in ("headers", "query", "body")}
        self.options: dict[str, Any] = {renamed.get(name, name): value for name, value in options.items()}
        timeout = options.get("timeout")
        if isinstance(timeout, dict):
            self.options["timeout"] = Timeout(**{name[:-2]: (ms or None) and ms / 1000 for name, ms in timeout.items()})
        elif timeout is not None:
            self.options["timeout"] = timeout / 1000

    def reach(self, url: str, folder: Path) -> str:
        """The address of the service as its caller is to see it."""
        tls = told(f"{url}/_testkit/tls") if self.tls else None
        if self.proxy:
            self.client["proxy"] = url.replace("http:", "socks5h:") if self.socks else url
        if tls and self.ca_bundle:
            file = self.client["ca_bundle"] = folder / "ca.pem"
            file.write_text(tls["ca"])
        if self.proxy:
            return "https://service.invalid" if tls else "http://service.invalid"
        address: str = tls["url"] if tls else url
        return address

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
            outcome.answer = chats.create(**self.options).to_dict()
        elif self.operation == "list":
            page = chats.list(**self.options)
            outcome.answer = {"data": [chat.to_dict() for chat in page.data], "nextCursor": page.next_cursor}
        elif self.operation == "files":
            outcome.answer = chats.files.list(CHAT, **self.options).to_dict()
        else:
            outcome.answer = getattr(chats, self.operation)(CHAT, **self.options).to_dict()

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
            outcome.answer = (await chats.create(**self.options)).to_dict()
        elif self.operation == "list":
            page = await chats.list(**self.options)
            outcome.answer = {"data": [chat.to_dict() for chat in page.data], "nextCursor": page.next_cursor}
        elif self.operation == "files":
            outcome.answer = (await chats.files.list(CHAT, **self.options)).to_dict()
        else:
            outcome.answer = (await getattr(chats, self.operation)(CHAT, **self.options)).to_dict()


@pytest.mark.filterwarnings("ignore:The key is sent to service.invalid over plain http")
@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: str(file.stem))
def test_a_fault_comes_to_what_it_must(file: Path, how: str, tmp_path: Path) -> None:
    scenario = json.loads(file.read_text())
    expect = scenario["expect"]
    call = Call(scenario["call"])
    outcome = Outcome()
    with misbehaving(file) as url:
        try:
            address = call.reach(url, tmp_path)
            call.run(address, outcome) if how == "sync" else asyncio.run(call.run_async(address, outcome))
        except TurnwireError as error:
            outcome.error, outcome.turn = error, error.turn or outcome.turn
        failed = outcome.error
        shown = "".join(traceback.format_exception(failed)) + repr(failed) + repr(vars(failed)) if failed else ""
        assert (type(failed).__name__ if failed else None) == expect.get("error"), shown
        assert KEY not in shown
        assert expect.get("message", "") in str(failed)
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
        if "answer" in expect:
            assert difference(expect["answer"], outcome.answer) is None
        if expect.get("everyEventOnce"):
            assert outcome.ended and outcome.numbers == list(range(1, len(outcome.numbers) + 1))
        if outcome.ended and outcome.turn:
            assert outcome.deltas == outcome.turn.text
        seen = told(f"{url}/_testkit")
        until = time.monotonic() + 20
        # The one that asks is open too.
        while expect.get("closed") and seen["openConnections"] > 1 and time.monotonic() < until:
            seen = told(f"{url}/_testkit")
        assert not expect.get("closed") or seen["openConnections"] == 1
        for name in ("turns", "elsewhere", "proxied"):
            assert name not in expect or seen[name] == expect[name]
        for name, count in expect.get("requests", {}).items():
            assert seen["requests"].get(name, 0) == count, name
        assert not seen["secretsElsewhere"]


def test_a_ca_and_a_proxy_of_the_environment_are_used(tmp_path: Path) -> None:
    code = """
import sys, turnwire
try:
    client = turnwire.Turnwire(base_url=sys.argv[1], api_key="k", backoff_scale=0)
    print(client.chat.send_message("chat_testkit", "one").status)
except turnwire.APIError as error:
    print(error.code)
"""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    clean = {name: value for name, value in os.environ.items() if name.upper() not in names}
    with misbehaving(ROOT / "tests/conformance/http/tls-of-a-private-ca.json") as url:
        tls = told(f"{url}/_testkit/tls")
        ca = tmp_path / "ca.pem"
        ca.write_text(tls["ca"])

        def come_to(address: str, **variables: str) -> str:
            command = [sys.executable, "-c", code, address]
            done = subprocess.run(command, env={**clean, **variables}, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        assert come_to(tls["url"]) == "certificate_refused"
        assert come_to(tls["url"], SSL_CERT_FILE=str(ca)) == "completed"
        assert come_to(tls["url"], REQUESTS_CA_BUNDLE=str(ca)) == "completed"
        assert come_to(tls["url"], REQUESTS_CA_BUNDLE=str(tmp_path)) == "completed", "a folder"
        assert come_to(tls["url"], CURL_CA_BUNDLE=str(ca)) == "completed"
        behind = {"SSL_CERT_FILE": str(ca), "HTTPS_PROXY": url}
        assert come_to("https://service.invalid", **behind) == "completed"
        assert come_to("https://service.invalid", **behind, NO_PROXY="service.invalid") == "connection_failed"
        # The local server's key stays on this machine.
        before = told(f"{url}/_testkit")["proxied"]
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            assert come_to(url, **{name: url}) == "completed"
            assert come_to(url.replace("127.0.0.1", "localhost"), **{name: "http://127.0.0.1:1"}) == "completed"
        assert told(f"{url}/_testkit")["proxied"] == before
        assert come_to("http://service.invalid", HTTP_PROXY="http://127.0.0.1:1") == "proxy_unreachable"
        assert come_to("http://service.invalid", ALL_PROXY=url.replace("http:", "socks5h:")) == "completed"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit to lower")
@pytest.mark.parametrize("when", ["at the first request", "at a later one"])
@pytest.mark.parametrize("program", ["sync", "async"])
def test_a_process_that_can_open_no_more_files_is_told_so_and_goes_on_when_it_can(program: str, when: str) -> None:
    code = """
import asyncio, resource, sys, turnwire

async def run(client, other):
    async def done(call):
        return await call if sys.argv[2] == "async" else call
    if sys.argv[3] == "at a later one":
        await done(other.chat.retrieve("chat_testkit"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    open_files = []
    try:
        while True:
            open_files.append(open("/dev/null"))
    except OSError:
        pass
    try:
        await done(client.chat.send_message("chat_testkit", "one"))
    except turnwire.APIConnectionError as error:
        open_files.clear()
        print(error.code, error.retryable, "ulimit" in str(error))
    print((await done(client.chat.send_message("chat_testkit", "one"))).status)

make = turnwire.AsyncTurnwire if sys.argv[2] == "async" else turnwire.Turnwire
asyncio.run(run(*(make(base_url=sys.argv[1], api_key="k", backoff_scale=0) for _ in range(2))))
"""
    with misbehaving(ROOT / "tests/conformance/http/a-healthy-turn.json") as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            command = [sys.executable, "-c", code, address, program, when]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.stdout.split("\n") == ["too_many_open_files True True", "completed", ""], done.stderr


def test_a_break_is_told_to_those_who_want_to_know_and_is_no_event() -> None:
    resuming = {"state": "resuming", "attempt": 1, "waitMs": 0, "cause": "connection_lost"}
    file = ROOT / "tests/conformance/http/cut-after-some-events.json"
    with misbehaving(file) as url:
        told: list[StreamState] = []
        chats = Turnwire(base_url=url, api_key=KEY, backoff_scale=0).chat
        with chats.respond(CHAT, "one two three", on_state=told.append) as stream:
            numbers = [event.seq for event in stream]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [state.to_dict() for state in told] == [resuming, {"state": "resumed"}]
    with misbehaving(file) as url:
        told = []
        chats = Turnwire(base_url=url, api_key=KEY, backoff_scale=0).chat
        assert chats.respond(CHAT, "one two three", on_state=told.append).result().text == "one two three"
        assert [state.state for state in told] == ["resuming", "resumed"]

    async def main(url: str, told: list[StreamState]) -> None:
        chats = AsyncTurnwire(base_url=url, api_key=KEY, backoff_scale=0).chat
        numbers = []
        async with chats.respond(CHAT, "one two three", on_state=told.append) as stream:
            numbers = [event.seq async for event in stream]
            await stream.result()
        assert numbers == list(range(1, len(numbers) + 1))

    with misbehaving(file) as url:
        told = []
        asyncio.run(main(url, told))
        assert [state.to_dict() for state in told] == [resuming, {"state": "resumed"}]


def test_a_stream_that_its_own_on_state_holds_is_collected() -> None:
    def left(chats: Any) -> weakref.ref[Any]:
        held: list[Any] = []
        held.append(chats.respond(CHAT, "one two three", on_state=lambda state: held[0].snapshot))
        return weakref.ref(held[0])

    with misbehaving(ROOT / "tests/conformance/http/a-healthy-turn.json") as url:
        gone = left(Turnwire(base_url=url, api_key=KEY).chat)
        gc.collect()
        assert gone() is None


def test_what_on_state_raises_is_not_the_streams_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    with misbehaving(ROOT / "tests/conformance/http/cut-after-some-events.json") as url:
        chats = Turnwire(base_url=url, api_key=KEY, backoff_scale=0).chat
        stream = chats.respond(CHAT, "one two three", on_state=lambda state: 1 / 0)
        assert stream.result().text == "one two three"
    assert [type(one.exc_value) for one in lost] == [ZeroDivisionError] * 2
