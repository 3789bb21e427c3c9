"""How the event loop waits for native work: a future for each wait, set through one call for many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from . import _native


def settle(futures: Iterable[asyncio.Future[None]]) -> None:
    """Called on the event loop by the native thread."""
    for future in futures:
        if not future.done():
            future.set_result(None)


async def ready(work: _native.Task | _native.TurnStream | _native.RelayStream, *asking: bool) -> Any:
    """Waits until ``work`` has something. Cancelled, it has lost nothing: what comes later stays in ``work``.
    ``asking``: raise rather than wait while the agent waits for an answer."""
    loop = asyncio.get_running_loop()
    while True:
        future = loop.create_future()
        got: Any = work.poll(loop, future, *asking)
        if got is not NotImplemented:
            return got
        await future


async def finished(task: _native.Task) -> Any:
    """Waits for a task of the native module; cancelled, the request is dropped at once."""
    try:
        return await ready(task)
    finally:
        task.cancel()
