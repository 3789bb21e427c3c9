"""Handlers answer requests while a turn runs. Core decides which request goes to which handler."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Union

from ._arguments import Answers, PermissionReply
from ._models import Permission, Question

Wait = Literal["wait"]
#: Returns the answers (``None`` refuses), or is ``"wait"`` if somebody else answers.
OnQuestion = Union[Callable[[Question], "Answers | None"], Wait]
OnPermission = Union[Callable[[Permission], PermissionReply], Wait]
AsyncOnQuestion = Union[OnQuestion, Callable[[Question], Awaitable["Answers | None"]]]
AsyncOnPermission = Union[OnPermission, Callable[[Permission], Awaitable[PermissionReply]]]


class Handlers:
    """The handlers of a stream."""

    def __init__(self, on_question: Any = None, on_permission: Any = None) -> None:
        #: Who answers, in the form that the native module expects.
        self.policies = {"onQuestion": _policy("on_question", on_question)}
        self.policies["onPermission"] = _policy("on_permission", on_permission)
        self._of: dict[type, Any] = {Question: on_question, Permission: on_permission}

    def answer(self, request: Question | Permission) -> Any:
        """The result of the handler, which may have to be awaited."""
        return self._of[type(request)](request)

    def asked(self, event: Any) -> Question | Permission | None:
        """The request of an event, if there is a handler for it."""
        request: Question | Permission | None = event.question or event.permission
        return request if request and callable(self._of[type(request)]) else None

    def __bool__(self) -> bool:
        return "ask" in self.policies.values()


def _policy(name: str, given: Any) -> str:
    if given is None:
        return "fail"
    if given == "wait" or callable(given):
        return "wait" if given == "wait" else "ask"
    raise TypeError(f'{name} is a function or "wait", not {given!r}')


def read(met: str | None) -> Question | Permission | list[str] | None:
    """The result of reading ahead: a request, changes of the connection, or the end."""
    if met is None:
        return None
    value: Any = json.loads(met)
    if isinstance(value, list):
        return [json.dumps(state) for state in value]
    return Question.from_dict(value) if value["kind"] == "question" else Permission.from_dict(value)
