"""Every option is honoured, or refused at once by its name."""

import asyncio
import math
import types
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import turnwire
from canned import Canned, answer
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, Turnwire

CHAT = b'{"id":"chat_1","status":"active"}'
NOWHERE = "http://127.0.0.1:9"
NOT_COUNTS: list[Any] = [-1, True, 1.5, "2", math.inf, math.nan, 2**70, b"2", [2]]

SETTINGS: list[tuple[str, list[Any]]] = [
    ("base_url", ["", b"http://h", 5, Path("/x"), "no url"]),
    ("api_key", ["", " ", b"sk_secret", 5, "sk_secret\n1", ["sk_secret"], lambda: "sk_secret"]),
    ("token", ["", b"t", 5, "tok\nen"]),
    ("prefix", [b"/x", 5]),
    ("proxy", [b"http://h", 5, {"http": "http://h"}]),
    ("ca_bundle", ["/nowhere/ca.pem", b"/nowhere/ca.pem"]),
    ("user_agent", [b"agent", 5, "a\nb"]),
    ("max_retries", NOT_COUNTS),
    ("max_event_bytes", [0, *NOT_COUNTS]),
    ("backoff_scale", [-1, True, "1", math.inf, -math.inf, math.nan, 10**400, Decimal(1)]),
    ("tcp_keepalive", [0, -1, True, "60", math.inf, math.nan, 0.5, 40_000, 10**400]),
    ("no_proxy", ["0", 1, None]),
    ("http2_prior_knowledge", ["0", 1]),
    ("default_headers", ["x: 1", [("x", "1")], {"x": 1}, {"x": b"1"}, {1: "x"}, {"x y": "1"}, {"x": "a\nb"}, {"X-A": "1", "x-a": "2"}, {"Content-Length": "1"}]),
    ("default_query", ["a=1", {"a": b"1"}, {"a": math.nan}, {"a": {1, 2}}, {"a": {"b": 1}}, {1: "a"}]),
    ("timeout", [0, -1, True, "5", math.inf, math.nan, 10**400, 1e300, b"5"]),
]


@pytest.mark.parametrize("kind", [Turnwire, AsyncTurnwire])
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, wrong in SETTINGS for value in wrong])
def test_a_setting_that_cannot_be_honoured_is_refused_by_name(kind: Callable[..., Any], name: str, value: Any) -> None:
    told = {"api_key": "(?i)api.key", "base_url": "(?i)base.url", "default_headers": "header", "ca_bundle": "(?i)ca.bundle"}
    told |= {"user_agent": "(?i)user.agent"}
    with pytest.raises((TypeError, ValueError), match=told.get(name, name)) as caught:
        kind(**{"base_url": NOWHERE, name: value})
    assert "sk_secret" not in str(caught.value)


CALL: list[tuple[str, list[Any]]] = [
    ("timeout", [0, -1, True, "5", math.inf, math.nan, 1e300]),
    ("max_retries", NOT_COUNTS),
    ("idempotency_key", ["", b"k", 5, "a\nb"]),
    ("extra_headers", [[("x", "1")], {"x": 1}, {"x": "a\nb"}, {"X-A": "1", "x-a": "2"}, {"content-length": "1"}, {"Transfer-Encoding": "x"}]),
    ("extra_query", ["a=1", {"a": object()}, {"a": math.inf}, {"a": {"b": 1}}, {"a": [[1]]}, {"a": [None]}]),
    ("extra_body", [[1], {"a": math.nan}, {"a": b"1"}, {1: 2}]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, wrong in CALL for value in wrong])
def test_an_option_that_cannot_be_honoured_is_refused_before_anything_is_sent(name: str, value: Any) -> None:
    told = {"extra_headers": "header", "idempotency_key": "(?i)idempotency.key"}.get(name, name)
    with Canned(answer(200, CHAT)) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        options: dict[str, Any] = {name: value}
        for call in (client.with_options, client.chat.create, lambda **given: client.chat.respond("chat_1", "Hi", **given)):
            with pytest.raises((TypeError, ValueError), match=told):
                call(**options)
        assert service.requests == []


def test_an_idempotency_key_is_refused_where_it_would_not_be_sent(client: Turnwire, chat: Chat) -> None:
    calls: list[Callable[..., Any]] = [
        lambda **key: client.chat.retrieve(chat.id, **key),
        lambda **key: client.chat.list(**key),
        lambda **key: client.chat.delete(chat.id, **key),
        lambda **key: client.chat.stream(chat.id, **key),
        lambda **key: client.chat.attach(chat.id, **key),
        lambda **key: client.chat.files.download("a", id=chat.id, **key),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="(?i)idempotency.key"):
            call(idempotency_key="k")
    # Of a client it is for the calls it fits.
    assert client.with_options(idempotency_key="k").chat.retrieve(chat.id).id == chat.id


def test_fields_for_a_json_body_are_refused_where_there_is_none(client: Turnwire, chat: Chat) -> None:
    calls: list[Callable[..., Any]] = [
        lambda **body: client.chat.files.upload("a", id=chat.id, content=b"a", **body),
        lambda **body: client.chat.files.download("a", id=chat.id, **body),
        lambda **body: client.chat.files.list(chat.id, **body),
        lambda **body: client.chat.retrieve(chat.id, **body),
        lambda **body: list(client.chat.list(**body)),
        lambda **body: client.chat.delete(chat.id, **body),
        lambda **body: client.chat.attach(chat.id, **body),
        lambda **body: next(iter(client.chat.stream(chat.id, **body))),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="extra_body"):
            call(extra_body={"mode": 1})
    # Of a client they are for the calls they fit.
    assert client.with_options(extra_body={"mode": 1}).chat.retrieve(chat.id).id == chat.id


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda chat: chat.create(title=b"T"), "title"),
        (lambda chat: chat.create(title=5), "title"),
        (lambda chat: chat.create(model=""), "model is empty"),
        (lambda chat: chat.create(idle_timeout_ms=True), "idle_timeout_ms"),
        (lambda chat: chat.create(idle_timeout_ms=math.inf), "idle_timeout_ms"),
        (lambda chat: chat.create(idle_timeout_ms=-5), "idle_timeout_ms"),
        (lambda chat: chat.create(vault_ids="v"), "vault_ids"),
        (lambda chat: chat.create(vault_ids=b"v"), "vault_ids"),
        (lambda chat: chat.create(vault_ids=[1]), "vault_ids"),
        (lambda chat: chat.update("chat_1", title=None), "title"),
        (lambda chat: chat.retrieve(b"chat_1"), "id"),
        (lambda chat: chat.retrieve(None), "id"),
        (lambda chat: chat.list(limit=True), "limit"),
        (lambda chat: chat.list(limit=-1), "limit"),
        (lambda chat: chat.list(limit=math.nan), "limit"),
        (lambda chat: chat.cancel("chat_1", turn_id=""), "turn id is empty"),
        (lambda chat: chat.attach("chat_1", turn_id=""), "turn id is empty"),
        (lambda chat: chat.turns.retrieve(None, id="chat_1"), "turn id is empty"),
        (lambda chat: chat.stream("chat_1", token=""), "token is empty"),
        (lambda chat: chat.stream("chat_1", last_event_id=-1), "last_event_id"),
        (lambda chat: chat.stream("chat_1", last_event_id=True), "last_event_id"),
        (lambda chat: chat.respond("chat_1", "Hi", model=""), "model is empty"),
        (lambda chat: chat.respond("chat_1", "Hi", cancel_on_close="no"), "cancel_on_close"),
        (lambda chat: chat.respond("chat_1", "Hi", on_conflict="retry"), "on_conflict"),
        (lambda chat: chat.respond("chat_1", "Hi", resume=True), "resume"),
        (lambda chat: chat.respond("chat_1", b"Hi"), "prompt is a string"),
        (lambda chat: chat.respond("chat_1", parts=b"Hi"), "parts"),
        (lambda chat: chat.respond("chat_1", parts="Hi"), "parts"),
        (lambda chat: chat.respond("chat_1", parts={"type": "text", "text": "Hi"}), "parts"),
        (lambda chat: chat.respond("chat_1", parts=[{"type": "text", "text": b"Hi"}]), "parts"),
        (lambda chat: chat.respond("chat_1", parts=[{"type": "text", "text": 5}]), "Part 1 of the prompt needs text"),
        (lambda chat: chat.respond("chat_1", parts=[{"type": "text", "txt": "Hi"}]), "Part 1 of the prompt needs text"),
        (lambda chat: chat.respond("chat_1", parts=[{"type": "text", "text": "Hi", "cached": 1}]), "has no cached"),
        (
            lambda chat: chat.respond("chat_1", parts=[{"type": "file", "mime": "a/b", "url": "data:,", "name": "n"}]),
            "has no name; a part of this type has type, mime, filename, url",
        ),
        (lambda chat: chat.respond("chat_1", parts=[{"text": "Hi"}]), "Part 1 of the prompt needs type"),
        (lambda chat: chat.reply_to_question("que_1", id="chat_1", answers=[[b"yes"]]), "answers"),
        (lambda chat: chat.reply_to_question("que_1", id="chat_1", answers=[b"yes"]), "answers"),
        (lambda chat: chat.reply_to_permission("per_1", id="chat_1", reply="yes"), "once, always or reject"),
    ],
)
def test_an_argument_that_cannot_be_sent_is_refused_by_name(call: Callable[[Any], Any], told: str) -> None:
    with Canned(answer(200, CHAT)) as service:
        with pytest.raises((TypeError, ValueError), match=told):
            call(Turnwire(base_url=service.url, api_key="k").chat)
        assert service.requests == []


def test_a_part_of_a_kind_newer_than_this_library_is_sent_as_it_is() -> None:
    with Canned(answer(400, b"{}")) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        with pytest.raises(turnwire.BadRequestError):
            client.chat.respond("chat_1", parts=[{"type": "sketch", "strokes": [1, 2]}])
        assert b'{"strokes":[1,2],"type":"sketch"}' in service.requests[0]


def test_numbers_and_mappings_of_every_kind_are_taken() -> None:
    query: Any = types.MappingProxyType({"a": (1, 2), "b": "c", "d": True})
    with Canned(answer(200, CHAT)) as service:
        timeout: Any = Fraction(5, 2)
        client = Turnwire(base_url=service.url, api_key="k", timeout=timeout, default_query=query, backoff_scale=0)
        client.chat.retrieve("chat_1", extra_headers=types.MappingProxyType({"X-A": "1"}))
        assert service.requests[0].startswith(b"GET /agent/v2/chat/chat_1?a=1&a=2&b=c&d=true ")
        assert b"x-a: 1\r\n" in service.requests[0]


def test_a_token_that_is_given_is_sent_though_the_environment_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with Canned(answer(200, CHAT)) as service:
        monkeypatch.setenv("TURNWIRE_BASE_URL", service.url)
        monkeypatch.setenv("TURNWIRE_API_KEY", "sk_environment")
        Turnwire(token="tok_given").chat.retrieve("chat_1")
        assert b"token=tok_given" in service.requests[0] and b"sk_environment" not in service.requests[0]
    with pytest.raises(ValueError, match="a key or a token, not both"):
        Turnwire(base_url=NOWHERE, api_key="k", token="t")
    with pytest.raises(ValueError, match="proxy and no_proxy"):
        Turnwire(base_url=NOWHERE, proxy="http://127.0.0.1:1", no_proxy=True)


def test_a_key_that_is_set_is_sent_from_then_on(service: Service) -> None:
    client = Turnwire(base_url=service.url, api_key="sk_old")
    patient, chats = client.with_options(timeout=30), client.chat
    with pytest.raises(turnwire.AuthenticationError):
        client.chat.list(limit=1)
    client.api_key = KEY
    for group in (client.chat, patient.chat, chats):
        assert group.list(limit=1)
    wrong: Any
    for wrong in ("", b"k", None, 5, "a\nb"):
        with pytest.raises((TypeError, ValueError), match="(?i)api.key"):
            client.api_key = wrong
    assert client.chat.list(limit=1)
    with pytest.raises(AttributeError, match="can only be set"):
        print(client.api_key)


@pytest.mark.parametrize("kind", [Turnwire, AsyncTurnwire])
@pytest.mark.parametrize("name", ["base_url", "timeout", "max_retries", "default_headers", "proxy", "token", "no_proxy"])
def test_a_setting_is_not_swallowed_when_it_is_assigned_later(kind: Callable[..., Any], name: str) -> None:
    client = kind(base_url=NOWHERE, api_key="k")
    with pytest.raises(AttributeError, match=f"{name} is set when a client is made"):
        setattr(client, name, "5")
    with pytest.raises(AttributeError, match=f"{kind.__name__} has no whatever_else"):
        client.whatever_else = 5
    # What is there can be replaced, as tests do, and a subclass may have attributes of its own.
    client.chat = client.chat
    client.is_closed = lambda: True
    assert client.is_closed()


@pytest.mark.parametrize("kind", [Turnwire, AsyncTurnwire])
def test_a_subclass_has_attributes_of_its_own(kind: Any) -> None:
    client = type("Mine", (kind,), {})(base_url=NOWHERE, api_key="k")
    client.whatever_else = 5
    assert client.whatever_else == client.with_options(timeout=5).whatever_else == 5


NO_ANSWERS = [None, False, 5, "yes", b"yes", ["yes"], [b"yes"], [["yes", 5]], [None], {"yes": 1}, [{"yes": 1}]]


@pytest.mark.parametrize("given", NO_ANSWERS, ids=repr)
def test_answers_that_are_no_lists_of_texts_are_refused_in_a_sentence(client: Turnwire, chat: Chat, given: Any) -> None:
    told = "answers are one list of strings for each question"
    with pytest.raises(TypeError, match=told):
        client.chat.reply_to_question("que_1", id=chat.id, answers=given)
    with pytest.raises(TypeError, match=told):
        chats = AsyncTurnwire(base_url=NOWHERE, api_key=KEY).chat
        asyncio.run(chats.reply_to_question("que_1", id=chat.id, answers=given))
    if given is not None:
        with pytest.raises(TypeError, match=told):
            client.chat.send_message(chat.id, "/ask", on_question=lambda question: given, on_conflict="wait")
