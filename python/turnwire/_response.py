"""Raw answers: status, headers, bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from . import _native

T = TypeVar("T")


class Headers(Mapping[str, str]):
    """Headers of an answer; names are case-insensitive. Several headers of one name are joined by a comma."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            name = name.lower()
            self._values[name] = f"{self._values[name]}, {value}" if name in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


class RawResponse(Generic[T]):
    """A raw answer; ``parse()`` returns the result of the plain call."""

    def __init__(self, answer: _native.RawAnswer, read: Callable[[Any], T]) -> None:
        self._answer = answer
        self._read = read
        self.status_code = answer.status
        self.headers = Headers(answer.headers)
        #: The service's ``x-request-id``.
        self.request_id = answer.request_id

    @property
    def content(self) -> bytes:
        """The body."""
        return self._answer.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as plain values."""
        return json.loads(self.content)

    def parse(self) -> T:
        """The result of the plain call."""
        return self._read(self._answer.parse())

    def __repr__(self) -> str:
        return f"RawResponse(status_code={self.status_code}, request_id={self.request_id!r})"
