"""Checks of option values: an invalid value raises an error that names the option."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

#: The maximum number of seconds; a larger value is considered a mistake.
_LONGEST = 1e9


def text(name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def flag(name: str, value: Any) -> bool:
    """``True`` or ``False``."""
    if not isinstance(value, bool):
        raise _wrong(name, "True or False", value)
    return value


def whole(name: str, value: Any, least: int, most: int) -> int:
    """An integer between bounds; a bool is refused."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "an integer", value)
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}; this is {value}")
    return value


def number(name: str, value: Any, least: float, most: float) -> float:
    """A number between bounds; a bool is refused."""
    if not _is_number(value):
        raise _wrong(name, "a number", value)
    # NaN compares as outside any bounds.
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}; this is {value!r}")
    return float(value)


def milliseconds(name: str, seconds: Any) -> int:
    """Converts seconds for the native module, where 0 disables a clock."""
    if seconds is None:
        return 0
    if not _is_number(seconds):
        raise TypeError(f"{name} is a number of seconds, or None for none; this is {seconds!r}")
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"{name} is a number of seconds above 0, or None for none; this is {seconds!r}")
    return max(1, round(float(seconds) * 1000))


def headers(name: str, value: Any) -> dict[str, str | None]:
    """Names and texts; ``None`` removes a header."""
    given = mapping(name, value)
    for header, content in given.items():
        if content is not None and not isinstance(content, str):
            raise _wrong(f"{name}[{header!r}]", "a string, or None", content)
    return given


def query(name: str, value: Any) -> dict[str, Any]:
    """Names and what a query can hold: a text, a number, a flag, or several of them; ``None`` removes a parameter."""
    given = mapping(name, value)
    for parameter, content in given.items():
        several = isinstance(content, Iterable) and not isinstance(content, (str, bytes, Mapping, set, frozenset))
        words = list(content) if several else [] if content is None else [content]
        for word in words:
            if not isinstance(word, (str, int, float)):
                raise _wrong(f"{name}[{parameter!r}]", "a string, a number or a boolean", word)
        if several:
            given[parameter] = words
    return given


def mapping(name: str, value: Any) -> dict[str, Any]:
    """A mapping of strings."""
    if not isinstance(value, Mapping):
        raise _wrong(name, "a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise _wrong(f"a name in {name}", "a string", key)
    return dict(value)


def to_json(values: Mapping[str, Any]) -> str:
    """Values for the native module, by name."""
    try:
        return json.dumps(values, default=plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        for name, value in values.items():
            try:
                json.dumps(value, default=plain, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"{name} cannot be sent as JSON: {error}") from None
        raise


def plain(value: object) -> object:
    """Converts values that JSON does not support."""
    from ._model import Model

    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, bytes, bytearray, memoryview)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return list(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _wrong(name: str, wanted: str, value: Any) -> TypeError:
    # The value is not shown, because it may be a key.
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__}")
