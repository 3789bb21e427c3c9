"""What a stream gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from . import _native
from ._native import (
    MessageCompleted,
    MessageCreated,
    PartDelta,
    PartUpdated,
    RelayEvent,
    RelayGap,
    RelayReset,
    SessionUsage,
    TurnCompleted,
    TurnStarted,
    TurnStatusChanged,
    UnknownEvent,
)

__all__ = [
    "MessageCompleted",
    "MessageCreated",
    "PartDelta",
    "PartUpdated",
    "RelayEvent",
    "RelayGap",
    "RelayItem",
    "RelayReset",
    "SessionUsage",
    "TurnCompleted",
    "TurnEvent",
    "TurnStarted",
    "TurnStatusChanged",
    "UnknownEvent",
]

#: An event of a turn. ``isinstance(x, TurnEvent)`` works too.
TurnEvent: TypeAlias = (
    TurnStarted
    | TurnStatusChanged
    | MessageCreated
    | PartDelta
    | PartUpdated
    | MessageCompleted
    | SessionUsage
    | TurnCompleted
    | UnknownEvent
)
#: What ``client.chat.stream`` gives.
RelayItem: TypeAlias = RelayEvent | RelayGap | RelayReset

# So that `match event: case {"type": "turn.completed"}` reads an event as it would a dictionary.
Mapping.register(_native.EventBase)
Mapping.register(RelayEvent)
