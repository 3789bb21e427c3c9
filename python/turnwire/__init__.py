"""Talk to coding agents: chats that last, turns that stream, events with types."""

from ._native import TurnAccumulator
