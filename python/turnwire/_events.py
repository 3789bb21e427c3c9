"""The items of streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, get_args

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

# So that `match event: case {"type": "turn.completed"}` reads an event as it would a dictionary. The base comes last:
# Python 3.10 tells a class that it is a mapping only if it was not one already.
for _class in (*get_args(TurnEvent), _native.EventBase, RelayEvent):
    Mapping.register(_class)
