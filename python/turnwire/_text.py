"""The text of a turn as it arrives."""

from __future__ import annotations

from collections.abc import Iterator

from ._events import PartDelta, TurnEvent


class TextPieces:
    """The text of root answers, with an empty line between two parts."""

    def __init__(self) -> None:
        self._part: str | None = None

    def of(self, event: TurnEvent) -> Iterator[str]:
        """The text that an event adds."""
        if (text := event.text_delta) and isinstance(event, PartDelta):
            another = self._part not in (None, event.part_id)
            self._part = event.part_id
            yield f"\n\n{text}" if another else text
