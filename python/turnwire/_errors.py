"""All errors. The class is determined by the code, from one table of codes, never by a message."""

from __future__ import annotations

import json
from inspect import get_annotations
from typing import Any, get_type_hints

from ._models import Turn


class TurnwireError(Exception):
    """The root of all errors of this library. ``str(error)`` is one sentence for a person."""

    #: One sentence for a person.
    message: str
    #: For programs, such as ``turn_conflict``; the service's own code if it sent one.
    code: str
    #: Whether the same call may succeed later, unchanged.
    retryable: bool
    #: The turn so far, if the error ended a stream.
    turn: Turn | None
    #: The position to resume from, if the error ended a stream; see ``client.chat.resume``.
    cursor: str | None
    #: The HTTP status, if there was an answer.
    status_code: int | None
    #: The service's ``x-request-id``.
    request_id: str | None
    #: The wait that the service requested, in seconds.
    retry_after: float | None
    #: The body of the answer: parsed JSON, else text, truncated at 64 KiB.
    body: Any

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = facts.get("code") or ""
        self.retryable = bool(facts.get("retryable"))
        self.turn = facts.get("turn")
        self.cursor = facts.get("cursor")
        self.status_code = facts.get("status_code")
        self.request_id = facts.get("request_id")
        self.retry_after = facts.get("retry_after")
        self.body = facts.get("body")

    @property
    def status(self) -> int | None:
        """``status_code`` under its name in the other languages."""
        return self.status_code

    def __repr__(self) -> str:
        facts = [f"{name}={value!r}" for name in ("code", "status_code", "request_id") if (value := getattr(self, name))]
        return f"{type(self).__name__}({', '.join([repr(self.message), *facts])})"

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.message, dict(self.__dict__))


class InvalidArgumentError(TurnwireError, ValueError):
    """An invalid argument; nothing was sent."""


class APIError(TurnwireError):
    """The answer of the service was invalid, or was an error."""


class APIStatusError(APIError):
    """The service answered with the error status ``status_code``."""

    status_code: int


class BadRequestError(APIStatusError):
    """400: the service rejected the request as invalid."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the key does not allow this."""


class NotFoundError(APIStatusError):
    """404: no such chat, turn, question or file."""


class ConflictError(APIStatusError):
    """409: the request conflicts with the current state."""


class TurnConflictError(ConflictError):
    """409: another turn is running in this chat."""

    #: The running turn.
    active_turn_id: str | None

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.active_turn_id = facts.get("active_turn_id")


class ChatEndedError(APIStatusError):
    """410: the chat has ended; its log can still be read."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is well-formed but cannot be processed, for example a reused idempotency key."""


class RateLimitError(APIStatusError):
    """429: too many requests; ``retry_after`` says how long to wait."""


class InternalServerError(APIStatusError):
    """500 and above: the service failed."""


class APIConnectionError(APIError):
    """No answer: the connection could not be made, or broke."""


class APITimeoutError(APIConnectionError):
    """The connect, answer or total clock ran out."""


class StreamIdleTimeoutError(APITimeoutError):
    """An open stream was silent for too long."""


class IncompleteTurnError(APIConnectionError):
    """The stream ended before the turn did, and could not be resumed; ``turn`` is the turn so far."""


class TurnFailedError(TurnwireError):
    """The turn ended as ``failed`` or ``interrupted``; ``code`` says why."""

    turn: Turn


class InputRequiredError(TurnwireError):
    """The agent waits for an answer (``turn.requests``), and there is no handler."""

    turn: Turn


class APIUserAbortError(APIError):
    """The caller aborted the call."""


class Cause(Exception):
    """A cause of an error, with the message of the layer it came from, outermost first."""


def make(name: str, facts_json: str) -> TurnwireError:
    """For the native module: the exception of a class, with its fields and its causes."""
    facts = json.loads(facts_json)
    causes = facts.pop("causes")
    facts["status_code"] = facts.pop("status")
    facts["request_id"] = facts.pop("requestId")
    facts["active_turn_id"] = facts.pop("activeTurnId")
    wait = facts.pop("retryAfterMs")
    facts["retry_after"] = None if wait is None else wait / 1000
    if facts["body"] is not None:
        facts["body"] = _parsed(facts["body"])
    if facts["turn"] is not None:
        facts["turn"] = Turn.from_dict(facts["turn"])
    del facts["class"]
    error: TurnwireError = _CLASSES.get(name, APIError)(facts.pop("message"), **facts)
    if causes:
        error.__cause__ = Cause(": ".join(causes))
    return error


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _rebuild(cls: type[TurnwireError], message: str, facts: dict[str, Any]) -> TurnwireError:
    error = cls(message)
    error.__dict__.update(facts)
    return error


_CLASSES: dict[str, type[TurnwireError]] = {
    name: value for name, value in globals().items() if isinstance(value, type) and issubclass(value, TurnwireError)
}

# Where users find them, also in a traceback. What annotations name is found here, so they are resolved before.
for _class in _CLASSES.values():
    _hints = get_type_hints(_class)
    _class.__annotations__ = {name: _hints[name] for name in get_annotations(_class)}
    _class.__module__ = "turnwire"
