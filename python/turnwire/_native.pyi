"""The native module. Events and ``parse_event`` are re-exported by ``turnwire``; the rest is for this package alone."""

import asyncio
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from datetime import datetime
from types import NotImplementedType
from typing import Any, ClassVar, Literal, final

from ._events import RelayItem, TurnEvent
from ._models import InputRequest, MessageUsage, Part, Permission, Question, Turn, TurnError, Usage, UserMessage

class EventBase:
    """What all events have. Item access (``event["messageId"]``) uses the names of the wire."""

    @property
    def type(self) -> str: ...
    @property
    def seq(self) -> int:
        """1, 2, 3 … in the turn; 0 where a service does not number its events."""
    @property
    def chat_id(self) -> str: ...
    @property
    def turn_id(self) -> str: ...
    @property
    def text_delta(self) -> str | None:
        """New text of the agent's answer: not of a summary, of reasoning or of a subagent."""
    @property
    def question(self) -> Question | None:
        """The question that this event is the first to tell of."""
    @property
    def permission(self) -> Permission | None:
        """The permission that this event is the first to ask for."""
    @property
    def raw(self) -> str:
        """The JSON it came as."""
    def to_json(self) -> str:
        """One line of JSON, under the contract's names."""
    def to_dict(self) -> dict[str, Any]:
        """Plain values, under the contract's names."""
    def __getitem__(self, key: str, /) -> Any: ...
    def get(self, key: str, default: Any = None) -> Any: ...
    def keys(self) -> KeysView[str]: ...
    def values(self) -> ValuesView[Any]: ...
    def items(self) -> ItemsView[str, Any]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> Any: ...

@final
class TurnStarted(EventBase):
    """The turn has begun: always the first event."""

    __match_args__: ClassVar[tuple[Literal["user_message"], Literal["model"]]]
    @property
    def type(self) -> Literal["turn.started"]: ...
    @property
    def user_message(self) -> UserMessage: ...
    @property
    def model(self) -> str | None: ...
    @property
    def started_at(self) -> datetime | None: ...

@final
class TurnStatusChanged(EventBase):
    """The turn's status or its open requests changed."""

    __match_args__: ClassVar[tuple[Literal["status"], Literal["requests"]]]
    @property
    def type(self) -> Literal["turn.status"]: ...
    @property
    def status(self) -> str: ...
    @property
    def message(self) -> str | None: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def next_attempt_at(self) -> datetime | None: ...
    @property
    def requests(self) -> tuple[InputRequest, ...]:
        """The whole set of open requests; it replaces the former one."""

@final
class MessageCreated(EventBase):
    """The agent begins a message."""

    __match_args__: ClassVar[tuple[Literal["message_id"], Literal["kind"]]]
    @property
    def type(self) -> Literal["message.created"]: ...
    @property
    def message_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def model(self) -> str | None: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def parent_part_id(self) -> str | None: ...
    @property
    def created_at(self) -> datetime | None: ...

@final
class PartDelta(EventBase):
    """Text to append to a text or reasoning part."""

    __match_args__: ClassVar[tuple[Literal["delta"], Literal["part_id"], Literal["message_id"]]]
    @property
    def type(self) -> Literal["message.part.updated"]: ...
    @property
    def message_id(self) -> str: ...
    @property
    def part_id(self) -> str: ...
    @property
    def part_type(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def parent_part_id(self) -> str | None: ...
    @property
    def delta(self) -> str: ...

@final
class PartUpdated(EventBase):
    """A part as it now stands; it replaces what was known of it."""

    __match_args__: ClassVar[tuple[Literal["part"], Literal["message_id"]]]
    @property
    def type(self) -> Literal["message.part.updated"]: ...
    @property
    def message_id(self) -> str: ...
    @property
    def part_id(self) -> str: ...
    @property
    def part_type(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def parent_part_id(self) -> str | None: ...
    @property
    def part(self) -> Part: ...

@final
class MessageCompleted(EventBase):
    """The message and all its parts have ended."""

    __match_args__: ClassVar[tuple[Literal["message_id"], Literal["finish_reason"]]]
    @property
    def type(self) -> Literal["message.completed"]: ...
    @property
    def message_id(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def parent_part_id(self) -> str | None: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def usage(self) -> MessageUsage | None: ...
    @property
    def error(self) -> TurnError | None: ...
    @property
    def completed_at(self) -> datetime | None: ...

@final
class SessionUsage(EventBase):
    """What the turn used: once, right before the end."""

    __match_args__: ClassVar[tuple[Literal["usage"]]]
    @property
    def type(self) -> Literal["session.usage"]: ...
    @property
    def usage(self) -> Usage: ...

@final
class TurnCompleted(EventBase):
    """The turn has ended: always the last event."""

    __match_args__: ClassVar[tuple[Literal["status"], Literal["error"]]]
    @property
    def type(self) -> Literal["turn.completed"]: ...
    @property
    def status(self) -> str: ...
    @property
    def merged_into(self) -> str | None: ...
    @property
    def error(self) -> TurnError | None: ...
    @property
    def completed_at(self) -> datetime | None: ...
    @property
    def duration_ms(self) -> int | None: ...

@final
class UnknownEvent(EventBase):
    """An event newer than this library, or one it could not read."""

    __match_args__: ClassVar[tuple[Literal["type"], Literal["raw"]]]

@final
class RelayEvent:
    """One of the runtime's own events. Item access (``event["properties"]``) reads its JSON."""

    __match_args__: ClassVar[tuple[Literal["type"], Literal["id"]]]
    @property
    def id(self) -> int | None:
        """Its number in the chat; ``client.chat.stream(…, last_event_id=…)`` goes on after it."""
    @property
    def type(self) -> str: ...
    @property
    def session_id(self) -> str | None: ...
    @property
    def raw(self) -> str:
        """Its JSON."""
    def to_json(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...
    def __getitem__(self, key: str, /) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class RelayGap:
    """What was asked for is no longer kept; the stream goes on with number ``oldest``."""

    __match_args__: ClassVar[tuple[Literal["oldest"]]]
    @property
    def oldest(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class RelayReset:
    """The number asked for was never given out; the stream goes on live after ``head``."""

    __match_args__: ClassVar[tuple[Literal["head"]]]
    @property
    def head(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class TurnAccumulator:
    """Folds the events of one turn into a ``Turn``; the same events give the same turn, wherever they are folded."""

    def __new__(cls) -> TurnAccumulator: ...
    def push(self, event: EventBase) -> bool:
        """Takes one event in. ``False``: it told nothing new."""
    @property
    def turn(self) -> Turn:
        """The turn so far."""
    @property
    def last_seq(self) -> int:
        """The number of the last event taken in."""

def parse_event(json: str, name: str | None = None) -> TurnEvent:
    """Reads one event. ``name``: the ``event:`` line it came under, for a body without ``type``. Never fails on what
    it does not know: that is an ``UnknownEvent``. Text that is no JSON object is a ``ValueError``."""
