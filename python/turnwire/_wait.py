"""How an event loop waits for native work: one wake-up of the loop for all that became ready."""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from typing import Any

from . import _native

_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _native.Hub] = weakref.WeakKeyDictionary()


def hub_of(loop: asyncio.AbstractEventLoop) -> _native.Hub:
    """The hub of this loop, created on first use."""
    hub = _hubs.get(loop)
    if hub is None:
        _hubs[loop] = hub = _watched(loop) or _stood_in_for(loop)
    return hub


def _watched(loop: asyncio.AbstractEventLoop) -> _native.Hub | None:
    """A hub whose descriptor the loop watches; ``None`` if the loop cannot watch descriptors."""
    try:
        hub = _native.Hub(True)
        loop.add_reader(hub.fileno(), hub.settle)
    except (NotImplementedError, OSError):
        return None
    return hub


def _stood_in_for(loop: asyncio.AbstractEventLoop) -> _native.Hub:
    """A hub for which a thread waits on behalf of the loop."""
    hub = _native.Hub(False)
    known = weakref.ref(loop)

    def settle(settled: threading.Event) -> None:
        hub.settle()
        settled.set()

    def stand_in() -> None:
        while hub.wait():
            settled = threading.Event()
            owner = known()
            if owner is None:
                return
            try:
                owner.call_soon_threadsafe(settle, settled)
            except RuntimeError:
                # The loop is closed, so nothing waits in it any more.
                return
            del owner
            # The thread ends with the loop, which may be closed before it could settle the future.
            while not settled.wait(1):
                if (owner := known()) is None or owner.is_closed():
                    return
                del owner

    atexit.register(hub.close)
    threading.Thread(target=stand_in, name="turnwire-wake", daemon=True).start()
    return hub


async def finished(task: _native.Task) -> Any:
    """Waits for a task of the native module. If this wait is cancelled, the request is aborted at once."""
    loop = asyncio.get_running_loop()
    hub = hub_of(loop)
    try:
        while (wait := task.poll(loop, hub)) is not None:
            await wait
        return task.result()
    finally:
        task.cancel()
