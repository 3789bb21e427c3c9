"""The classes of error: one for each kind of the table, chosen by code."""

import json
import pickle

import pytest
import turnwire
from canned import Canned, answer
from conftest import ROOT
from turnwire import APIStatusError, Turnwire, TurnwireError

TABLE = json.loads((ROOT / "tests/conformance/errors.json").read_text())


# PROTOCOL ERR-2.
@pytest.mark.parametrize("row", [row for row in TABLE if row.get("status")], ids=lambda row: str(row["code"]))
def test_an_answer_becomes_the_class_of_its_code(row: dict[str, object]) -> None:
    said = {"type": row["type"], "code": row["code"], "message": "Said so.", "requestId": "req_1", "activeTurnId": "turn_9"}
    body = json.dumps({"statusCode": row["status"], "message": "Said so.", "error": said}).encode()
    with Canned(answer(int(str(row["status"])), body, "x-request-id: req_1", "retry-after: 7")) as service:
        client = Turnwire(base_url=service.url, api_key="k", max_retries=0)
        with pytest.raises(APIStatusError) as caught:
            client.chat.retrieve("chat_1")
    error = caught.value
    assert type(error) is getattr(turnwire, str(row["class"]))
    assert (error.code, error.status_code, error.status) == (row["code"], row["status"], row["status"])
    assert (str(error), error.request_id, error.retry_after) == ("Said so.", "req_1", 7.0)
    assert error.retryable is row["retryable"] and error.body["error"]["requestId"] == "req_1"
    if isinstance(error, turnwire.TurnConflictError):
        assert error.active_turn_id == "turn_9"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and again.__dict__ == error.__dict__ and str(again) == "Said so."


def test_every_class_of_the_table_is_here_and_one_family() -> None:
    for row in TABLE:
        assert issubclass(getattr(turnwire, row["class"]), TurnwireError)
    assert issubclass(turnwire.TurnConflictError, turnwire.ConflictError)
    assert issubclass(turnwire.StreamIdleTimeoutError, turnwire.APITimeoutError)
    assert issubclass(turnwire.APITimeoutError, turnwire.APIConnectionError)
    assert issubclass(turnwire.IncompleteTurnError, turnwire.APIConnectionError)
    assert not issubclass(turnwire.TurnFailedError, turnwire.APIError)


def test_a_service_that_is_not_there_is_a_connection_error_with_its_cause() -> None:
    client = Turnwire(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    with pytest.raises(turnwire.APIConnectionError) as caught:
        client.chat.retrieve("chat_1")
    assert caught.value.code == "connection_failed" and caught.value.status_code is None
    assert "refused" in str(caught.value.__cause__)


def test_a_page_in_place_of_an_answer_is_told_as_such() -> None:
    page = b"<html>Sign in</html>"
    reply = answer(200, page).replace(b"application/json", b"text/html")
    with Canned(reply) as service, pytest.raises(turnwire.APIError) as caught:
        Turnwire(base_url=service.url, api_key="k").chat.retrieve("chat_1")
    assert caught.value.code == "unexpected_content_type" and caught.value.body == page.decode()


# PROTOCOL AUTH-4.
def test_a_key_is_never_shown() -> None:
    client = Turnwire(base_url="http://127.0.0.1:9", api_key="sk_secret_1", max_retries=0)
    assert "sk_secret" not in repr(client) and "127.0.0.1:9" in repr(client)
    with pytest.raises(turnwire.APIConnectionError) as caught:
        client.chat.create()
    assert "sk_secret" not in repr(caught.value) + str(caught.value.__cause__)
    assert "tok_secret" not in repr(turnwire.StreamToken(token="tok_secret", stream_url="http://h/?token=tok_secret"))
