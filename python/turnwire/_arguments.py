"""Arguments that are more than a name and a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from ._models import Permission, Question, StreamState

#: A part of a prompt: ``{"type": "text", "text": …}`` or ``{"type": "file", "mime": …, "url": …}``.
PromptPart = Mapping[str, object]
#: One list of labels, or of free text, for each question.
Answers = Sequence[Sequence[str]]
Resume = Literal["auto", "relay", "off"]
PermissionReply = Literal["once", "always", "reject"]
OnConflict = Literal["error", "wait", "cancel"]
#: Called with changes of a stream's connection. Its exceptions go to ``sys.unraisablehook``.
OnState = Callable[[StreamState], object]


def teller(on_state: OnState | None) -> Callable[[str], object] | None:
    """The function that the native module calls with the JSON of a state."""
    if on_state is None:
        return None
    if not callable(on_state):
        raise TypeError(f"on_state is a function that is called with a state, not {on_state!r}")
    return lambda state: on_state(StreamState.from_dict(json.loads(state)))


def prompt(text: str | None, parts: Iterable[PromptPart] | None, **more: Any) -> dict[str, Any]:
    """The arguments of a prompt; it is a text or a list of parts."""
    if (text is None) == (parts is None):
        raise TypeError("pass either the prompt as a string, or its parts as parts=[…]")
    if text is not None and not isinstance(text, str):
        raise TypeError(f"the prompt is a string, not {type(text).__name__}; pass a list of parts as parts=[…]")
    if isinstance(parts, (str, bytes, Mapping)):
        raise TypeError(f"parts is a list of parts, not {type(parts).__name__}; pass a text as the prompt itself")
    return {"parts": [{"type": "text", "text": text}] if parts is None else list(parts), **more}


def answers(given: Answers) -> list[list[str]]:
    """One list for each question. A bare string is refused, because it would be read letter by letter."""

    wrong = TypeError('answers are one list of strings for each question, such as [["yes"]]')

    def listed(value: Any) -> list[Any]:
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise wrong
        return list(value)

    lists = [listed(answer) for answer in listed(given)]
    if not all(isinstance(label, str) for labels in lists for label in labels):
        raise wrong
    return lists


def request_id(request: Question | Permission | str) -> str:
    """The id of a request, from a request or an id."""
    return request if isinstance(request, str) else request.request_id
