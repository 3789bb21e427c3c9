"""The base of all groups of operations: sending a call, parsing its answer, raw answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from . import _check, _native, _options
from ._model import Model
from ._response import RawResponse
from ._wait import finished

T = TypeVar("T")
O = TypeVar("O", bound=Mapping[str, Any])
#: The hidden option with which the raw forms request the raw answer.
RAW = "_raw"


def further(options: O) -> O:
    """The options of the calls that follow from a call, which are never raw."""
    return cast(O, {name: value for name, value in options.items() if name != RAW})


def nothing(_: Any) -> None:
    """The parser of answers without content."""


def given(arguments: Mapping[str, Any]) -> str:
    """Arguments for the native module, without those that are ``None``."""
    for name, value in arguments.items():
        # Passing the object instead of its id is a common mistake.
        if isinstance(value, Model):
            raise TypeError(f"{_snake(name)} must be a string; this is a {type(value).__name__}")
    named = {name: value for name, value in arguments.items() if value is not None}
    try:
        return _check.to_json(named)
    except (TypeError, ValueError) as error:
        # With its name in Python.
        name, _, why = str(error).partition(" ")
        raise type(error)(f"{_snake(name)} {why}") from None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


class _Resource:
    def __init__(self, native: _native.Client) -> None:
        self._native = native

    def _start(
        self,
        operation: str,
        options: Mapping[str, Any],
        arguments: Mapping[str, Any],
        on_state: Callable[[str], object] | None = None,
    ) -> _native.Task:
        """Opens a stream."""
        return self._native.call(operation, given(arguments), _options.to_json(options), on_state=on_state)


class Resource(_Resource):
    """A group of operations of a synchronous client."""

    def _call(self, read: Callable[[Any], T], operation: str, options: Mapping[str, Any], **arguments: Any) -> T:
        task, wrap = prepare(self._native, read, operation, options, arguments)
        return wrap(task.wait())


class AsyncResource(_Resource):
    """A group of operations of an asynchronous client."""

    async def _call(self, read: Callable[[Any], T], operation: str, options: Mapping[str, Any], **arguments: Any) -> T:
        task, wrap = prepare(self._native, read, operation, options, arguments)
        return wrap(await finished(task))


def prepare(
    native: _native.Client,
    read: Callable[[Any], T],
    operation: str,
    options: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> tuple[_native.Task, Callable[[Any], T]]:
    """Starts a call. Returns it, with the function that converts the native result into the answer."""
    options = dict(options)
    raw = options.pop(RAW, False)
    beside = {name: arguments[name] for name in ("content", "whole") if name in arguments}
    arguments = {name: value for name, value in arguments.items() if name not in beside}
    task = native.call(operation, given(arguments), _options.to_json(options), raw=raw, **beside)
    if raw:
        # The caller of a raw form is typed for what it gets.
        return task, lambda answer: RawResponse(answer, lambda parsed: _read(read, parsed))  # type: ignore[return-value]
    return task, lambda answer: _read(read, answer)


def _read(read: Callable[[Any], T], answer: Any) -> T:
    return read(json.loads(answer) if isinstance(answer, str) else answer)
