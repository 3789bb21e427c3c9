"""Events as Python sees them."""

import copy
import json
import pickle
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
import turnwire
from turnwire import PartDelta, PartUpdated, ToolPart, TurnEvent, UnknownEvent, UnknownPart, parse_event

ENVELOPE = {"seq": 5, "chatId": "chat_1", "turnId": "turn_1"}


def event(kind: str, /, **fields: object) -> TurnEvent:
    return parse_event(json.dumps({"type": kind, **ENVELOPE, **fields}))


def delta(text: str = "Hel", **fields: object) -> TurnEvent:
    part = {"messageId": "msg_2", "partId": "prt_1", "partType": "text", "delta": text}
    return event("message.part.updated", **{**part, **fields})


def test_a_delta_is_matched_read_and_shown() -> None:
    read = delta()
    match read:
        case PartDelta(text, part_id=part):
            assert (text, part) == ("Hel", "prt_1")
        case _:
            pytest.fail("not a PartDelta")
    assert isinstance(read, TurnEvent)
    assert read.text_delta == "Hel" and read.kind is None
    assert repr(read) == "PartDelta(seq=5, message_id='msg_2', part_id='prt_1', part_type='text', delta='Hel')"


def test_old_programs_read_an_event_as_a_dictionary() -> None:
    read = delta()
    assert read["type"] == "message.part.updated" and read["partId"] == "prt_1"
    assert "delta" in read and "part" not in read and read.get("part", 7) == 7
    assert dict(read) == read.to_dict() == json.loads(read.to_json())
    assert isinstance(read, Mapping) and len(read) == 8
    match read:
        case {"type": "message.part.updated", "delta": text}:
            assert text == "Hel"
        case _:
            pytest.fail("no mapping")
    with pytest.raises(KeyError, match="nothing"):
        read["nothing"]


def test_fields_of_a_newer_service_are_kept_and_a_type_from_beside_the_json_is_added() -> None:
    more: dict[str, Any] = {"confidence": 0.5, "x" * 50: {"nested": [1, None, True]}}
    newer = delta(**more)
    assert newer["confidence"] == 0.5 and newer.to_dict()["x" * 50] == {"nested": [1, None, True]}
    assert json.loads(newer.to_json()) == newer.to_dict()
    untyped = json.loads(delta().to_json())
    del untyped["type"]
    assert turnwire._native.parse_event(json.dumps(untyped), "message.part.updated").to_dict() == delta().to_dict()


def test_an_event_cannot_be_changed() -> None:
    read = delta()
    with pytest.raises(AttributeError):
        read.delta = "x"  # type: ignore
    with pytest.raises(TypeError):
        read["delta"] = "x"  # type: ignore
    changed = read.to_dict()
    changed["delta"] = "x"
    assert read["delta"] == "Hel"


def test_equal_events_are_equal_and_travel_between_processes() -> None:
    assert delta() == delta() and hash(delta()) == hash(delta())
    assert delta() != delta("lo") and delta() != "Hel"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(delta(), protocol)) == delta()
    assert copy.deepcopy(delta()) == delta()


def test_only_root_answers_have_text() -> None:
    assert delta(partType="reasoning").text_delta is None
    assert delta(kind="summary").text_delta is None
    assert delta(parentPartId="prt_9").text_delta is None


def test_a_part_is_a_typed_object_made_once() -> None:
    tool = {"id": "prt_1", "type": "tool", "callId": "c", "tool": "bash", "state": "done", "input": {"a": [1]}}
    tool |= {"output": "ok", "startedAt": "2026-11-23T02:58:01.410Z"}
    read = event("message.part.updated", messageId="msg_2", part=tool)
    assert isinstance(read, PartUpdated) and isinstance(read.part, ToolPart)
    assert read.part is read.part
    assert read.part.input == {"a": [1]} and read.part.output == "ok" and read.part.error is None
    assert read.part.started_at == datetime(2026, 11, 23, 2, 58, 1, 410000, timezone.utc)
    assert read.part.to_dict() == tool and read["part"] == tool


# PROTOCOL VER-3.
def test_what_is_not_known_is_kept() -> None:
    read = parse_event('{"type":"turn.sang","song":{"notes":[1,2]}}')
    assert isinstance(read, UnknownEvent) and read.type == "turn.sang" and read["song"] == {"notes": [1, 2]}
    assert read.raw == '{"type":"turn.sang","song":{"notes":[1,2]}}'
    part = event("message.part.updated", messageId="m", part={"id": "p", "type": "video", "state": "done", "raw": [1]})
    assert isinstance(part, PartUpdated) and isinstance(part.part, UnknownPart) and part.part.raw == [1]
    assert parse_event('{"n":1}', "named.so").type == "named.so"


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "null"])
def test_what_is_no_event_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        parse_event(text)


def test_half_a_character_does_not_hide_an_event() -> None:
    read = parse_event('{"type":"turn.sang","song":"\\ud83d"}')
    assert read["song"] == "\ud83d"


# PROTOCOL FOLD-1.
def test_the_fold_of_events_is_the_turn() -> None:
    fold = turnwire.TurnAccumulator()
    assert fold.turn.text == "" and not fold.turn.ended
    usage = {"inputTokens": 1, "totalTokens": 1, "costMicros": 5}
    told = [
        event("turn.started", seq=1, userMessage={"id": "msg_1", "parts": [{"type": "text", "text": "Hi"}]}),
        event("message.created", seq=2, messageId="msg_2", kind="answer"),
        delta("Hel", seq=3),
        delta("lo", seq=4),
        event("message.completed", seq=5, messageId="msg_2", finishReason="stop"),
        event("session.usage", seq=6, usage={**usage, "summary": usage, "entries": []}),
        event("turn.completed", seq=7, status="completed", durationMs=12),
    ]
    assert [fold.push(each) for each in told] == [True] * 7
    assert fold.push(told[-1]) is False and fold.last_seq == 7
    turn = fold.turn
    assert (turn.status, turn.ended, turn.text, turn.cost_micros, turn.duration_ms) == ("completed", True, "Hello", 5, 12)
    assert turn.user_message.parts == ({"type": "text", "text": "Hi"},)
    assert turn["usage"]["summary"]["costMicros"] == 5
    assert turnwire.Turn.from_dict(turn.to_dict()) == turn == pickle.loads(pickle.dumps(turn))
    with pytest.raises(AttributeError):
        turn.status = "x"  # type: ignore


@pytest.mark.parametrize(
    "value",
    [
        '{"a":1,"b":[true,null,"é \\ud83d\\ude80"],"a":2}',
        '[0.1,1e999,-0,-0.0,12345678901234567890123,-9223372036854775809]',
        '"half a character \\ud83d"',
        "[" * 200 + "]" * 200,
        '{"nested":{"deep":[{"x":[]},{}]}}',
    ],
)
def test_plain_values_are_those_of_pythons_own_reader(value: str) -> None:
    raw = f'{{"type":"new.event","value":{value}}}'
    assert turnwire._native.relay_event(1, raw).to_dict() == json.loads(raw)
