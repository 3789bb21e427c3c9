"""Every case of tests/conformance/addresses.json: what a base URL and a prefix lead to, or why they are refused."""

import asyncio
import json
from typing import Any

import pytest
from canned import Canned, answer
from conftest import ROOT
from turnwire import AsyncTurnwire, InvalidArgumentError, Turnwire

CASES = json.loads((ROOT / "tests/conformance/addresses.json").read_text())


def settings(case: dict[str, Any], service: str) -> dict[str, Any]:
    given = {"base_url": case["base"].replace("{service}", service), "api_key": "sk_test"}
    return {**given, "prefix": case["prefix"]} if "prefix" in case else given


@pytest.mark.parametrize("case", [case for case in CASES if "refused" in case], ids=json.dumps)
def test_what_is_no_address_is_refused_in_a_sentence_at_once(case: dict[str, Any]) -> None:
    for make in (Turnwire, AsyncTurnwire):
        with pytest.raises(InvalidArgumentError) as refused:
            make(**settings(case, "127.0.0.1:1"))
        assert isinstance(refused.value, ValueError)
        assert case["refused"] in str(refused.value) and "sesame" not in str(refused.value)


@pytest.mark.parametrize("program", ["sync", "async"])
@pytest.mark.parametrize("case", [case for case in CASES if "refused" not in case], ids=json.dumps)
def test_a_request_goes_where_its_address_says(case: dict[str, Any], program: str) -> None:
    async def run(given: dict[str, Any]) -> None:
        async with AsyncTurnwire(**given) as client:
            await client.chat.retrieve("chat_1")

    with Canned(answer(200, b'{"id":"chat_1"}')) as service:
        given = settings(case, service.url.removeprefix("http://"))
        if program == "async":
            asyncio.run(run(given))
        else:
            Turnwire(**given).chat.retrieve("chat_1")
        assert [request.split(b" ")[1].decode() for request in service.requests] == [case["path"]]
