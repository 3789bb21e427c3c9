"""Uploads: what is at hand is sent as it is, what has to be read is handed over piece by piece while it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from . import _native
from ._content import SIZE, AsyncReader, Reader, at_hand
from ._wait import finished


class Upload:
    """What one call uploads."""

    def __init__(self, content: Any) -> None:
        whole = at_hand(content)
        self._reader = Reader(content) if whole is None else None
        self._native = _native.Upload()
        #: What the native module is told.
        self.given = self._native if whole is None else whole

    def send(self, task: _native.Task) -> Any:
        """What the call gives. The source is read on this thread; what it raises goes to the caller."""
        if self._reader is None:
            return task.wait()
        try:
            while not self._native.is_over and (data := self._reader.read()):
                for piece in _cut(data):
                    if (room := self._native.push(piece)) is not None:
                        room.wait()
            if not self._native.is_over:
                self._native.end()
            return task.wait()
        finally:
            self._native.fail()
            task.cancel()
            self._reader.leave()


class AsyncUpload:
    """The same in an asynchronous program."""

    def __init__(self, content: Any) -> None:
        whole = at_hand(content)
        self._reader = AsyncReader(content) if whole is None else None
        self._native = _native.Upload()
        self._broken: Exception | None = None
        #: What the native module is told.
        self.given = self._native if whole is None else whole

    async def send(self, task: _native.Task) -> Any:
        """What the call gives; it ends with its request, also where the source never goes on."""
        if self._reader is None:
            return await finished(task)
        feeding = asyncio.ensure_future(self._feed(self._reader))
        try:
            return await finished(task)
        except Exception:
            if (broken := self._broken) is None:
                raise
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
        self._broken = None
        try:
            raise broken
        finally:
            # It holds this frame, which must not hold it.
            del broken

    async def _feed(self, reader: AsyncReader) -> None:
        """Reads the source from beginning to end in one task, as what waits in it may insist on that."""
        try:
            while not self._native.is_over and (data := await reader.read()):
                for piece in _cut(data):
                    if (room := self._native.push(piece)) is not None:
                        await finished(room)
            if not self._native.is_over:
                self._native.end()
        except Exception as error:
            self._broken = error
        finally:
            self._native.fail()
            await reader.leave()


def _cut(data: bytes) -> Iterator[bytes]:
    """What waits for the socket is bounded by its number."""
    return (data[at : at + SIZE] for at in range(0, len(data), SIZE))
