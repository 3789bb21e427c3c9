"""Uploads. Bytes and paths are passed whole; other sources are passed piece by piece while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from . import _native
from ._content import SIZE, AsyncReader, Reader, at_hand
from ._wait import finished


class Upload:
    """The content of one upload."""

    def __init__(self, content: Any) -> None:
        whole = at_hand(content)
        self._reader = Reader(content) if whole is None else None
        self._native = _native.Upload()
        #: The argument for the native module.
        self.given = self._native if whole is None else whole

    def send(self, task: _native.Task) -> Any:
        """Sends the request and returns its result. The source is read on this thread; its exceptions reach the
        caller."""
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
        #: The source is being closed, which must not be interrupted.
        self._is_leaving = False
        #: The argument for the native module.
        self.given = self._native if whole is None else whole

    async def send(self, task: _native.Task) -> Any:
        """Sends the request and returns its result. It ends with the request, even if the source blocks forever."""
        if self._reader is None:
            return await finished(task)
        feeding = asyncio.ensure_future(self._feed(self._reader))
        try:
            return await finished(task)
        except Exception:
            if (broken := self._broken) is None:
                raise
        finally:
            if not self._is_leaving:
                feeding.cancel()
            await asyncio.wait([feeding])
        self._broken = None
        try:
            raise broken
        finally:
            # The exception refers to this frame, which must not refer to it.
            del broken

    async def _feed(self, reader: AsyncReader) -> None:
        """Reads the source from beginning to end in one task, because code in it may require that."""
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
            self._is_leaving = True
            await reader.leave()


def _cut(data: bytes) -> Iterator[bytes]:
    """Cuts a piece, because the queue to the socket is bounded by the number of pieces."""
    return (data[at : at + SIZE] for at in range(0, len(data), SIZE))
