"""Faults of a service: the conformance cases, and what Python makes of a break."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shlex
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import turnwire
from conftest import ROOT
from testkit import kit_program, misbehaving, told
from turnwire import AsyncTurnwire, StreamState, Turnwire

CHAT = "chat_testkit"
KEY = "sk_testkit_secret"
ADAPTER = Path(__file__).with_name("adapter.py")


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_client_passes_every_conformance_case_for_its_features(how: str) -> None:
    adapter = [sys.executable, "-W", "ignore:The key is sent", str(ADAPTER), *(["--async"] if how == "async" else [])]
    command = [kit_program(), "conformance", "--client", shlex.join(adapter), "--cases", str(ROOT / "tests/conformance")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    left_out = next(line for line in done.stdout.splitlines() if line.startswith("skipped for want of: "))
    # What core does for this package, and a cursor made of its parts: this package's is opaque.
    assert set(re.findall(r"(\S+) \(", left_out)) == {"fold", "normalize", "parse", "resume"}


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
