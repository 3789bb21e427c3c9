"""The Python clients of this project, through the package's public API."""

from __future__ import annotations

from collections.abc import Callable

import task
from turnwire import AsyncTurnwire, Turnwire

See = Callable[[str], object]


class Sync:
    def __init__(self, base: str) -> None:
        self._client = Turnwire(base_url=base, api_key="bench")

    def read(self, load: str, see: See) -> None:
        with self._client.chat.respond(load, "Go on.") as stream:
            for event in stream:
                delta = event.text_delta
                if delta is not None:
                    see(delta)


class Dicts(Sync):
    def read(self, load: str, see: See) -> None:
        with self._client.chat.respond(load, "Go on.") as stream:
            for event in stream:
                fields = event.to_dict()
                if "delta" in fields:
                    see(fields["delta"])


class Async:
    def __init__(self, base: str) -> None:
        self._client = AsyncTurnwire(base_url=base, api_key="bench")

    async def read(self, load: str, see: See) -> None:
        async with self._client.chat.respond(load, "Go on.") as stream:
            async for event in stream:
                delta = event.text_delta
                if delta is not None:
                    see(delta)


if __name__ == "__main__":
    task.main({"sync": Sync, "dicts": Dicts, "async": Async})
