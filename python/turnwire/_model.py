"""Frozen objects, created from the protocol's JSON objects."""

from __future__ import annotations

import dataclasses
import importlib
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, TypeVar

M = TypeVar("M", bound="Model")
Reader = Callable[[Any], Any]


class Model:
    """A typed, frozen value. ``to_dict`` and item access (``turn["costMicros"]``) use the names of the protocol."""

    __slots__ = ()
    #: Protocol names that are not the camel-cased name of the field.
    _names: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def from_dict(cls: type[M], data: Mapping[str, Any]) -> M:
        """Reads a JSON object. Unknown fields are ignored; a field that is ``null`` or absent has its default."""
        values = {}
        for name, key, read in plan(cls):
            value = data.get(key)
            if value is not None:
                values[name] = read(value)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values with the names of the protocol; fields without a value are left out."""
        out = {}
        for name, key, _ in plan(type(self)):
            value = getattr(self, name)
            if value is not None:
                out[key] = plain(value)
        return out

    def to_json(self) -> str:
        """``to_dict`` as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def get(self, key: str, default: Any = None) -> Any:
        """``self[key]``, or ``default``."""
        return self.to_dict().get(key, default)

    def keys(self) -> typing.KeysView[str]:
        """The protocol names of the fields that have a value."""
        return self.to_dict().keys()

    def __contains__(self, key: object) -> bool:
        return key in self.to_dict()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """For pydantic: accepts an object of this class or a JSON object, and serializes to a JSON object. Without
        this, pydantic would expect the Python names of the fields, and parse a JSON object as an empty one."""
        # The caller has imported pydantic.
        schema = importlib.import_module("pydantic_core").core_schema
        out = schema.plain_serializer_function_ser_schema(plain)
        return schema.no_info_plain_validator_function(cls._validated, serialization=out)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"title": cls.__name__, "type": "object"}

    @classmethod
    def _validated(cls: type[M], value: Any) -> M:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"a {cls.__name__} is read from a mapping, not from {type(value).__name__}")
        try:
            return cls.from_dict(value)
        except (AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"this is no {cls.__name__}: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def timestamp(text: str) -> datetime:
    """RFC 3339 to an aware datetime in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


_plans: dict[type[Model], list[tuple[str, str, Reader]]] = {}


def plan(cls: type[Model]) -> list[tuple[str, str, Reader]]:
    """Name, protocol name and parser of every field, derived once from the annotations."""
    if cls not in _plans:
        hints = typing.get_type_hints(cls)
        fields = [field.name for field in dataclasses.fields(typing.cast(Any, cls))]
        _plans[cls] = [(name, cls._names.get(name) or camel(name), reader(hints[name])) for name in fields]
    return _plans[cls]


def camel(name: str) -> str:
    """``cost_micros`` as ``costMicros``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def reader(hint: Any) -> Reader:
    """The parser of values with this annotation."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in args if option is not type(None)]
        return reader(options[0]) if len(options) == 1 else _tagged(options)
    if origin is tuple:
        read = reader(args[0])
        return lambda values: tuple(read(value) for value in values)
    if isinstance(hint, type) and issubclass(hint, Model):
        return hint.from_dict
    return timestamp if hint is datetime else _same


def _same(value: Any) -> Any:
    return value


def _tagged(options: list[Any]) -> Reader:
    """A union of models: each has a tag, and the last one accepts unknown tags."""
    by_tag = {option._tag: option for option in options}
    last = options[-1]

    def read(data: Mapping[str, Any]) -> Any:
        return by_tag.get(data.get(last._tag_key), last).from_dict(data)

    return read
