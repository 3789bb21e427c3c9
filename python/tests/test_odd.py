"""Every case of tests/conformance/odd-events.json, as a stream of a service: one odd field costs none of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from canned import OK_STREAM, Canned
from conftest import ROOT, difference
from turnwire import Turnwire, TurnwireError, UnknownEvent

CASES = json.loads((ROOT / "tests/conformance/odd-events.json").read_text())
ELSEWHERE = OK_STREAM.replace(b"turnwire-contract: 1\r\n", b"")


# PROTOCOL VAL-3, VAL-4.
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["says"]))
def test_one_odd_field_costs_none_of_the_others(case: dict[str, Any]) -> None:
    # What no reader of JSON would keep stands in the file as a text.
    texts = (event if isinstance(event, str) else json.dumps(event) for event in case["events"])
    frames = "".join(f"data: {text}\n\n" for text in texts).encode()
    with Canned(ELSEWHERE + frames, hang_up=True) as service:
        stream = Turnwire(base_url=service.url, api_key="k").chat.respond("chat_1", "Hi")
        try:
            for event in stream:
                assert not isinstance(event, UnknownEvent)
                event.to_json().encode()
        except TurnwireError as error:
            assert error.code == "incomplete_turn"
        turn = stream.snapshot
        assert turn is not None and difference(case["turn"], turn.to_dict()) is None


# PROTOCOL VAL-4.
def test_half_an_emoji_in_a_prompt_is_named_and_nothing_is_sent() -> None:
    with Canned(OK_STREAM) as service:
        client = Turnwire(base_url=service.url, api_key="k")
        with pytest.raises(ValueError, match="half of a character"):
            client.chat.respond("chat_1", "Go \ud83d")
        with pytest.raises(ValueError, match="half of a character"):
            client.chat.respond("chat_1", parts=[{"type": "text", "text": "\ude80"}])
        with pytest.raises(ValueError, match="half of a character"):
            client.chat.create(title="\ud83d")
        assert not service.requests
