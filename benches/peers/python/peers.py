"""The clients of Python that this project's are compared with. Each parses the JSON of every event."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import task

See = Callable[[str], object]
PROMPT = {"parts": [{"type": "text", "text": "Go on."}]}


def url(base: str, load: str) -> str:
    return f"{base}/agent/v2/chat/{load}/respond"


class Casedev:
    """The service's official client."""

    def __init__(self, base: str) -> None:
        from casedev import Casedev

        self._client = Casedev(api_key="bench", base_url=base)

    def read(self, load: str, see: See) -> None:
        for event in self._client.agent.v2.chat.respond(load, **PROMPT):
            if "delta" in event:
                see(event["delta"])


class AsyncCasedev:
    def __init__(self, base: str) -> None:
        import httpx
        from casedev import AsyncCasedev

        # Its own limit is a thousand connections; the paced loads are more streams.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        http = httpx.AsyncClient(limits=limits, timeout=60, follow_redirects=True, base_url=base)
        self._client = AsyncCasedev(api_key="bench", base_url=base, http_client=http)

    async def read(self, load: str, see: See) -> None:
        async for event in await self._client.agent.v2.chat.respond(load, **PROMPT):
            if "delta" in event:
                see(event["delta"])


class HttpxSse:
    def __init__(self, base: str) -> None:
        import httpx

        self._base, self._client = base, httpx.Client(timeout=60)

    def read(self, load: str, see: See) -> None:
        from httpx_sse import connect_sse

        with connect_sse(self._client, "POST", url(self._base, load), json=PROMPT) as source:
            for event in source.iter_sse():
                fields = json.loads(event.data)
                if "delta" in fields:
                    see(fields["delta"])


class AsyncHttpxSse:
    def __init__(self, base: str) -> None:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._base, self._client = base, httpx.AsyncClient(timeout=60, limits=limits)

    async def read(self, load: str, see: See) -> None:
        from httpx_sse import aconnect_sse

        async with aconnect_sse(self._client, "POST", url(self._base, load), json=PROMPT) as source:
            async for event in source.aiter_sse():
                fields = json.loads(event.data)
                if "delta" in fields:
                    see(fields["delta"])


class Aiohttp:
    """aiohttp has no events: its lines, put together by hand as its users do."""

    def __init__(self, base: str) -> None:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        self._base, self._session = base, session

    async def read(self, load: str, see: See) -> None:
        async with self._session.post(url(self._base, load), json=PROMPT) as response:
            data: list[bytes] = []
            # What closes a part is longer than the limit of `readline`, so the lines are cut here.
            rest = b""
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n") if rest else piece.split(b"\n")
                for line in lines:
                    if line.startswith(b"data:"):
                        data.append(line[5:])
                    elif not line.strip() and data:
                        fields = json.loads(b"\n".join(data))
                        data.clear()
                        if "delta" in fields:
                            see(fields["delta"])


class OpenAi:
    """Reads the same deltas as chunks of a chat completion, which are shorter events."""

    def __init__(self, base: str) -> None:
        from openai import OpenAI

        self._client = OpenAI(api_key="bench", base_url=base)

    def read(self, load: str, see: See) -> None:
        messages: Any = [{"role": "user", "content": "Go on."}]
        # Its paths have no place for a load: the model is one.
        for chunk in self._client.chat.completions.create(model=load, messages=messages, stream=True):
            delta = chunk.choices[0].delta.content
            if delta is not None:
                see(delta)


KINDS = {
    "casedev": ("casedev", Casedev),
    "casedev-async": ("casedev", AsyncCasedev),
    "httpx-sse": ("httpx_sse", HttpxSse),
    "httpx-sse-async": ("httpx_sse", AsyncHttpxSse),
    "aiohttp": ("aiohttp", Aiohttp),
    "openai": ("openai", OpenAi),
}

if __name__ == "__main__":
    module, kind = KINDS[sys.argv[1]]
    # Imports are no part of what is measured.
    __import__(module)
    task.main({sys.argv[1]: kind})
