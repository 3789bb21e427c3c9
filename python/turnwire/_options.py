"""Options, of a client or of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypedDict, Union

from . import _check


class _Keep(Enum):
    """The default of options for which ``None`` has a meaning. A copy of it is the same object."""

    KEEP = "default"

    def __repr__(self) -> str:
        return "default"


KEEP: Any = _Keep.KEEP


@dataclass(frozen=True)
class Timeout:
    """The clocks of a call, in seconds. An omitted clock keeps its default; ``None`` switches it off.

    A plain number as ``timeout`` sets the answer and the idle clock, never the total.
    """

    #: Connecting. Default 5.
    connect: float | None = KEEP
    #: Waiting for the headers of the answer, including connecting. Default 60.
    answer: float | None = KEEP
    #: Silence between two bytes of an answer. Default: 45 once the service has sent a comment on this stream, else 300.
    idle: float | None = KEEP
    #: The whole call, including retries and resumes. Default: none.
    total: float | None = KEEP

    def __post_init__(self) -> None:
        self._wire()

    def _wire(self) -> dict[str, int]:
        clocks = {"connectMs": self.connect, "answerMs": self.answer, "idleMs": self.idle, "totalMs": self.total}
        return {name: _check.milliseconds("a timeout", clock) for name, clock in clocks.items() if clock is not KEEP}


Clock = Union[float, Timeout, None]


class Options(TypedDict, total=False):
    """The options of every call."""

    #: Seconds for the answer and the idle clock, or a ``Timeout``; ``None`` disables both.
    timeout: Clock
    #: The maximum number of retries. Default 2. Resumes of a stream do not count.
    max_retries: int
    #: The ``Idempotency-Key`` of create, respond and send_message.
    idempotency_key: str
    #: Headers to add; ``None`` removes one.
    extra_headers: Mapping[str, str | None]
    #: Query parameters to add.
    extra_query: Mapping[str, object]
    #: Fields to add to a JSON body.
    extra_body: Mapping[str, object]


_NAMES = {
    "timeout": "timeout",
    "max_retries": "maxRetries",
    "idempotency_key": "idempotencyKey",
    "extra_headers": "headers",
    "extra_query": "query",
    "extra_body": "body",
}


def to_json(options: Mapping[str, Any], called: Mapping[str, str] | None = None) -> str:
    """Options for the native module. ``called``: names under which the caller knows some of them."""
    wire: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _NAMES:
            known = ", ".join(_NAMES)
            raise TypeError(f"there is no option {name!r}; the options of a call are {known}")
        if name == "timeout":
            wire["timeout"] = (value if isinstance(value, Timeout) else Timeout(answer=value, idle=value))._wire()
        elif value is not None:
            wire[_NAMES[name]] = _value(name, (called or {}).get(name, name), value)
    return _check.to_json(wire)


def _value(name: str, called: str, value: Any) -> Any:
    if name == "max_retries":
        return _check.whole(called, value, 0, 2**32 - 1)
    if name == "idempotency_key":
        return _check.text(called, value)
    if name == "extra_headers":
        return _check.headers(called, value)
    given = _check.query(called, value) if name == "extra_query" else _check.mapping(called, value)
    # Checked here, where its name is available for the error.
    _check.to_json({called: given})
    return given
