"""The tasks of a client, one a process: ``CLIENT KIND TASK BASE NUMBERS…``. Each prints one line of ``name=value`` words.

A client is a class with ``read(load, see)``, which shows every delta of the turn that the load names; it may be a
coroutine. A client is made where a loop runs.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


class Usage:
    """Processor time in microseconds and voluntary context switches of this process, since this was made."""

    def __init__(self) -> None:
        self._cpu, self._switches, self._start = *self._now(), time.perf_counter()

    @staticmethod
    def _now() -> tuple[float, int]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return (used.ru_utime + used.ru_stime) * 1e6, used.ru_nvcsw

    def taken(self) -> tuple[float, int, float]:
        """CPU, context switches, time on the clock."""
        wall = (time.perf_counter() - self._start) * 1e6
        cpu, switches = self._now()
        return cpu - self._cpu, switches - self._switches, wall


def resident() -> int:
    """The memory that is resident now, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def _read(client: Any, load: str, see: Callable[[str], Any]) -> None:
    reading = client.read(load, see)
    if reading is not None:
        await reading


async def fast(make: Callable[[str], Any], base: str, writes: str, warm: str, deltas: str) -> None:
    """Reads a turn as fast as it comes, on the connection that a first turn has warmed."""
    client = make(base)
    await _read(client, f"{writes}-{warm}", [].append)
    # To append to a list is the least that can be done with a delta.
    seen: list[str] = []
    usage = Usage()
    await _read(client, f"{writes}-{deltas}", seen.append)
    cpu, switches, wall = usage.taken()
    print(f"events={len(seen)} sum={sum(map(len, seen))} cpu_us={cpu} switches={switches} wall_us={wall}")


async def first(make: Callable[[str], Any], base: str, times: str) -> None:
    """How long the first delta takes from the call, on a warm connection."""
    client = make(base)
    took = []
    seen = []
    came = None

    def see(delta: str) -> None:
        nonlocal came
        came = came or time.perf_counter()
        seen.append(delta)

    for _ in range(int(times)):
        start, came = time.perf_counter(), None
        await _read(client, "event-3", see)
        assert came, "a turn had no delta"
        took.append(came - start)
    # The first tenth warms the connection and the code.
    took = sorted(took[len(took) // 10 :])
    print(f"events={len(seen)} sum={sum(map(len, seen))} first_us={took[len(took) // 2] * 1e6}")


class Open:
    """Streams that stay open, and what has come on them."""

    def __init__(self, make: Callable[[str], Any], base: str, rate: int) -> None:
        self._client = make(base)
        self._load = f"paced-{rate}"
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = 0
        self.seen = 0
        self.late: list[int] = []

    async def _one(self) -> None:
        begun = False

        def see(delta: str) -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._begun += 1
            self.seen += 1
            if self.seen % 8 == 0:
                self.late.append(time.monotonic_ns() - int(delta))

        await _read(self._client, self._load, see)

    async def up_to(self, streams: int) -> None:
        """Opens streams until there are so many, and waits until each has shown its first delta."""
        self._tasks += [asyncio.ensure_future(self._one()) for _ in range(streams - len(self._tasks))]
        while self._begun < streams:
            self.whole()
            await asyncio.sleep(0.02)

    def whole(self) -> None:
        """Raises if a stream has ended."""
        for task in self._tasks:
            if task.done():
                task.result()
                raise RuntimeError("a paced stream ended")


async def paced(make: Callable[[str], Any], base: str, streams: str, rate: str, seconds: str) -> None:
    """Many streams at a pace: what they take of a core, and how late the deltas are seen."""
    streaming = Open(make, base, int(rate))
    await streaming.up_to(int(streams))
    await asyncio.sleep(1)
    streaming.seen = 0
    streaming.late.clear()
    usage = Usage()
    await asyncio.sleep(int(seconds))
    cpu, switches, wall = usage.taken()
    seen, late = streaming.seen, sorted(streaming.late)
    p50, p99 = (late[len(late) * share // 100] / 1000 for share in (50, 99))
    print(f"events={seen} core={cpu / wall} switches={switches} p50_us={p50} p99_us={p99} wall_us={wall}", flush=True)
    streaming.whole()
    # Thousands of streams are open: the end of the process closes them, without waiting for them.
    os._exit(0)


async def memory(make: Callable[[str], Any], base: str, few: str, many: str) -> None:
    """What each further stream adds to the resident memory."""
    streaming = Open(make, base, 1)
    at = []
    for streams in (int(few), int(many)):
        await streaming.up_to(streams)
        await asyncio.sleep(2)
        at.append(resident())
    print(f"rss={at[1]} rss_each={(at[1] - at[0]) / (int(many) - int(few))}", flush=True)
    streaming.whole()
    os._exit(0)


async def construct(make: Callable[[str], Any], base: str, times: str) -> None:
    """What a client costs to make: the first, and each further one."""
    usage = Usage()
    kept = [make(base)]
    begun, _, _ = usage.taken()
    usage = Usage()
    kept += [make(base) for _ in range(int(times))]
    print(f"construct_first_us={begun} construct_each_us={usage.taken()[0] / int(times)}")


def main(kinds: dict[str, Callable[[str], Any]]) -> None:
    """Does what the arguments of the process say."""
    kind, task, base, *rest = sys.argv[1:]
    tasks = {"fast": fast, "first": first, "paced": paced, "memory": memory, "construct": construct}
    asyncio.run(tasks[task](kinds[kind], base, *rest))
    sys.stdout.flush()
    # Nobody closes the clients one by one.
    os._exit(0)
