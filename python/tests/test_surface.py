"""The names users type: those of tests/conformance/surface.json, synchronous and asynchronous."""

import inspect
import json
import re
from typing import Any

import pytest
import turnwire
from conftest import ROOT
from turnwire import AsyncTurnwire, Options, Timeout, Turnwire

SURFACE = json.loads((ROOT / "tests/conformance/surface.json").read_text())
CLIENTS: list[Any] = [Turnwire(base_url="http://127.0.0.1:9"), AsyncTurnwire(base_url="http://127.0.0.1:9")]


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda letter: "_" + letter[1].lower(), name)


@pytest.mark.parametrize("client", CLIENTS, ids=["sync", "async"])
@pytest.mark.parametrize("operation", SURFACE["operations"], ids=lambda operation: str(operation["name"]))
def test_an_operation_has_its_arguments(client: Any, operation: dict[str, Any]) -> None:
    target = client.chat
    for step in operation["name"].split("."):
        target = getattr(target, snake(step))
    positional, named = [], []
    for parameter in inspect.signature(target).parameters.values():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            positional.append(parameter.name)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named.append(parameter.name)
    assert positional == [snake(name) for name in operation["positional"]]
    assert set(named) == {snake(name) for name in operation["named"]}
    assert inspect.getdoc(target)


def test_options_clocks_streams_and_events_have_their_names() -> None:
    extra = {"headers": "extra_headers", "query": "extra_query", "body": "extra_body"}
    assert set(Options.__annotations__) == {extra.get(name, snake(name)) for name in SURFACE["options"]}
    assert list(inspect.signature(Timeout).parameters) == SURFACE["timeout"]
    for stream in (turnwire.TurnStream, turnwire.AsyncTurnStream):
        assert [name for name in SURFACE["turnStream"] if not hasattr(stream, snake(name))] == []
        for name, arguments in SURFACE["turnStreamArguments"].items():
            assert list(inspect.signature(getattr(stream, name)).parameters)[1:] == arguments
    for relay in (turnwire.RelayStream, turnwire.AsyncRelayStream):
        assert [name for name in SURFACE["relayStream"] if not hasattr(relay, snake(name))] == []
    for name in SURFACE["events"]:
        assert [field for field in SURFACE["event"] if not hasattr(getattr(turnwire, name), snake(field))] == []


def test_every_name_of_the_package_is_there() -> None:
    assert sorted(turnwire.__all__) == turnwire.__all__
    assert [name for name in turnwire.__all__ if not hasattr(turnwire, name)] == []
