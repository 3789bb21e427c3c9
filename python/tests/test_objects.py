"""What Python expects of any object: copies, pickles, mappings, annotations, subclasses, forks."""

import asyncio
import copy
import dataclasses
import inspect
import os
import pickle
import typing
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import pydantic
import pytest
import turnwire
from canned import OK_STREAM, STARTED, Canned
from conftest import KEY, Service
from turnwire import AsyncTurnwire, Chat, RelayEvent, RelayGap, RelayReset, Timeout, Turnwire, _native

RAW = '{"type":"session.idle","properties":{"sessionID":"ses_1"}}'
EVENTS = [
    '{"type":"turn.started","seq":1,"chatId":"c","turnId":"t","userMessage":{"id":"m","parts":[]}}',
    '{"type":"turn.status","seq":2,"chatId":"c","turnId":"t","status":"running","requests":[]}',
    '{"type":"turn.new","seq":3,"chatId":"c","turnId":"t","more":[1]}',
]


def values() -> list[Any]:
    """One of everything that is a value."""
    turn = turnwire.TurnAccumulator()
    events = [turnwire.parse_event(json) for json in EVENTS]
    for event in events:
        turn.push(event)
    return [
        *events,
        turnwire.parse_event('{"seq":4,"more":1}', "turn.nameless"),
        _native.relay_event(7, RAW),
        _native.relay_event(None, RAW),
        RelayGap(3),
        RelayReset(4),
        turn.turn,
        turnwire.StoredMessage(id="m", parts=(turnwire.ToolPart(id="p", input={"a": [1]}),)),
        turnwire.StreamState(state="resumed"),
        Timeout(),
        Timeout(connect=1, idle=None),
        turnwire.Headers([("A", "1"), ("a", "2")]),
        turnwire.Download((b"x", "text/plain", None, None)),
        turnwire.TurnConflictError("No.", code="turn_conflict", active_turn_id="t", turn=turn.turn),
    ]


@pytest.mark.parametrize("value", values(), ids=repr)
def test_a_value_survives_copies_and_pickles(value: Any) -> None:
    copies = [copy.copy(value), copy.deepcopy(value)]
    copies += [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for other in copies:
        assert type(other) is type(value) and repr(other) == repr(value)
        if not isinstance(value, (turnwire.Download, turnwire.TurnwireError)):
            assert other == value and not other != value
            if isinstance(value, Hashable):
                assert hash(other) == hash(value)


def test_a_copied_timeout_is_still_one() -> None:
    for timeout in (copy.deepcopy(Timeout(total=5)), pickle.loads(pickle.dumps(Timeout(total=5)))):
        assert timeout == Timeout(total=5) and dataclasses.replace(timeout, connect=2) == Timeout(connect=2, total=5)
        Turnwire(base_url="http://127.0.0.1:9", timeout=timeout).with_options(timeout=timeout)


@pytest.mark.parametrize("value", [item for item in values() if isinstance(item, Mapping)], ids=repr)
def test_what_says_it_is_a_mapping_is_one(value: Any) -> None:
    assert dict(value) == {**value} == dict(value.items()) == {key: value[key] for key in value.keys()}
    assert list(value) == list(value.keys()) and len(value) == len(list(value.values()))
    assert all(key in value and value.get(key) == value[key] for key in value)
    assert "no such key" not in value and value.get("no such key", 5) == 5 and value.get("no such key") is None
    with pytest.raises(KeyError):
        value["no such key"]


def test_a_relay_event_is_matched_as_a_dictionary() -> None:
    event: Any = _native.relay_event(7, RAW)
    match event:
        case {"type": "session.idle", "properties": {"sessionID": session}, **rest}:
            assert (session, rest, event.session_id, event.id) == ("ses_1", {}, "ses_1", 7)
        case _:
            pytest.fail("not matched")
    odd: Any = _native.relay_event(1, "[1]")
    assert not len(odd) and not dict(odd) and odd.get("type") is None and odd.raw == "[1]"


def test_an_accumulator_is_copied_and_its_copy_goes_on_alone() -> None:
    turn = turnwire.TurnAccumulator()
    turn.push(turnwire.parse_event(EVENTS[0]))
    other = copy.deepcopy(turn)
    other.push(turnwire.parse_event(EVENTS[1]))
    assert (turn.last_seq, other.last_seq) == (1, 2)


def test_what_belongs_to_its_process_says_so_when_it_is_pickled() -> None:
    with Canned(OK_STREAM + STARTED) as service, Turnwire(base_url=service.url, api_key="k") as client:
        stream = client.chat.respond("chat_1", "Hi")
        for value in (client, client.chat, AsyncTurnwire(base_url=service.url), stream):
            with pytest.raises(TypeError, match="cannot be pickled: a (client|stream)"):
                pickle.dumps(value)


@pytest.mark.parametrize("kind", [Turnwire, AsyncTurnwire])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copied_client_is_a_client(kind: Callable[..., Any], how: Callable[[Any], Any]) -> None:
    client = how(kind(base_url="http://127.0.0.1:9", api_key="k"))
    assert client.base_url == "http://127.0.0.1:9/" and client.agent.v2.chat is client.chat


class Own(Turnwire):
    """A client of somebody's own, with attributes that have names of ours too."""

    timeout = 0.0

    def __init__(self, tenant: str, *, base_url: str, api_key: str) -> None:
        super().__init__(base_url=base_url, api_key=api_key)
        self.tenant = tenant
        self.timeout = 5.0


class OwnAsync(AsyncTurnwire):
    __slots__ = ("tenant",)

    def __init__(self, tenant: str, *, base_url: str, api_key: str) -> None:
        super().__init__(base_url=base_url, api_key=api_key)
        self.tenant = tenant


@pytest.mark.parametrize("kind", [Own, OwnAsync])
def test_a_subclass_keeps_its_attributes_in_with_options(kind: Callable[..., Any], service: Service) -> None:
    client = kind("acme", base_url=service.url, api_key=KEY)
    other = client.with_options(max_retries=0).with_options(timeout=5)
    assert (type(other), other.tenant, other.base_url) == (kind, "acme", client.base_url)
    assert getattr(other, "timeout", 5.0) == 5.0 and other is not client and other.chat is not client.chat
    other.tenant = "other"
    assert client.tenant == "acme"


def callables() -> Iterator[tuple[str, Any]]:
    """Every public class and function, every method and property of it, also of what is reached from a client."""
    found = {getattr(turnwire, name) for name in turnwire.__all__ if callable(getattr(turnwire, name))}
    for client in (Turnwire(base_url="http://127.0.0.1:9"), AsyncTurnwire(base_url="http://127.0.0.1:9")):
        chat: Any = client.chat
        groups = [chat, chat.files, chat.messages, chat.turns]
        raw = [group.with_raw_response for group in groups]
        streaming = [chat.with_streaming_response, chat.files.with_streaming_response]
        found |= {type(group) for group in [client, client.agent, client.agent.v2, *groups, *raw, *streaming]}
        for group in [*raw, *streaming]:
            for name, value in vars(group).items():
                if inspect.isroutine(value):
                    yield f"{type(group).__name__}.{name}", value
    found = {value for value in found if getattr(value, "__module__", "").startswith("turnwire")}
    for value in sorted(found, key=lambda value: str(value.__qualname__)):
        yield value.__qualname__, value
        for name in dir(value):
            member = inspect.getattr_static(value, name)
            if name.startswith("_") and name != "__init__":
                continue
            member = member.fget if isinstance(member, property) else member
            if inspect.isfunction(member):
                yield f"{value.__qualname__}.{name}", member


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in callables()])
def test_annotations_are_resolved_as_tools_do_it(value: Any) -> None:
    typing.get_type_hints(value)
    if inspect.isroutine(value):
        inspect.signature(value, eval_str=True)


def test_a_raw_form_and_a_streaming_form_look_like_their_call() -> None:
    chat = Turnwire(base_url="http://127.0.0.1:9").chat
    for form in (chat.with_raw_response.create, chat.with_streaming_response.respond):
        plain = getattr(chat, form.__name__)
        assert list(inspect.signature(form).parameters) == list(inspect.signature(plain).parameters)
        assert inspect.getdoc(form) == inspect.getdoc(plain)


def test_a_turn_goes_through_pydantic_whole(client: Turnwire, chat: Chat) -> None:
    turn = client.chat.send_message(chat.id, "/tool Say it.")
    adapter = pydantic.TypeAdapter(turnwire.Turn)
    assert adapter.validate_python(turn.to_dict()) == turn
    assert adapter.validate_json(turn.to_json()) == turn and adapter.validate_python(turn) is turn
    assert adapter.dump_python(turn) == turn.to_dict()
    assert adapter.json_schema() == {"title": "Turn", "type": "object"}

    class Answer(pydantic.BaseModel):
        turn: turnwire.Turn
        parts: list[turnwire.Part]

    answer = Answer.model_validate({"turn": turn.to_dict(), "parts": [{"type": "text", "id": "p", "text": "Hi"}]})
    assert answer.turn == turn and answer.parts == [turnwire.TextPart(id="p", text="Hi")]
    assert Answer.model_validate_json(answer.model_dump_json()) == answer
    for wrong in (5, "text", {"messages": 5}):
        with pytest.raises(pydantic.ValidationError):
            adapter.validate_python(wrong)


def in_child(check: Callable[[], None]) -> None:
    """Runs a check in a forked child."""
    child = os.fork()
    if child == 0:
        status = 9
        try:
            check()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_everything_can_be_shown_and_closed_in_a_forked_child(client: Turnwire, chat: Chat) -> None:
    client.chat.files.upload("a", id=chat.id, content=b"a" * 100_000)
    turn = client.chat.send_message(chat.id, "Hi")
    events = list(client.chat.attach(chat.id, turn_id=turn.id) or [])
    with client.chat.stream(chat.id, last_event_id=0) as relay:
        first = next(relay)
        with (
            client.chat.respond(chat.id, "/slow 3") as stream,
            client.chat.with_streaming_response.files.download("a", id=chat.id) as pieces,
        ):
            next(stream)

            def check() -> None:
                for value in (client, client.chat, stream, relay, pieces, first, turn, *events):
                    assert repr(value)
                assert repr(stream) == "TurnStream(opened before fork())"
                assert repr(relay) == "RelayStream(opened before fork())"
                assert dict(typing.cast(RelayEvent, first))
                with pytest.raises(RuntimeError, match="fork"):
                    pieces.read()
                stream.close()
                relay.close()
                client.close()
                with pytest.raises(turnwire.APIUserAbortError, match="closed"):
                    client.chat.retrieve(chat.id)

            in_child(check)
            # The child has closed nothing of ours.
            assert pieces.read() == b"a" * 100_000
            assert stream.result().status == "completed"
            assert next(relay)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_an_asynchronous_stream_can_be_shown_in_a_forked_child(service: Service, chat: Chat) -> None:
    async def main() -> None:
        async with AsyncTurnwire(base_url=service.url, api_key=KEY) as client:
            async with client.chat.respond(chat.id, "/slow 3") as stream:
                await anext(stream)

                def check() -> None:
                    assert repr(stream) == "AsyncTurnStream(opened before fork())"

                in_child(check)

    asyncio.run(main())
