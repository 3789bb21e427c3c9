"""The clients: an address, a key, options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _native, _options
from ._async_chat import AsyncChats
from ._chat import Chats

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._options import Clock, Options

C = TypeVar("C")


class V2(Generic[C]):
    """``client.agent.v2``."""

    def __init__(self, chat: C) -> None:
        self.chat = chat


class Agent(Generic[C]):
    """``client.agent``: the path by which the hosted service's own clients reach ``chat``."""

    def __init__(self, chat: C) -> None:
        self.v2 = V2(chat)


class _Client(Generic[C]):
    """What both clients share."""

    _chats: Callable[[_native.Client], C]
    #: The chats.
    chat: C
    #: ``client.agent.v2.chat`` is ``client.chat``.
    agent: Agent[C]

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        token: str | None = None,
        prefix: str | None = None,
        timeout: Clock = _options.KEEP,
        max_retries: int | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        default_query: Mapping[str, object] | None = None,
        proxy: str | None = None,
        ca_bundle: str | PathLike[str] | None = None,
        user_agent: str | None = None,
        max_event_bytes: int | None = None,
        backoff_scale: float | None = None,
        tcp_keepalive: float | None = None,
        no_proxy: bool = False,
        http2_prior_knowledge: bool = False,
    ) -> None:
        """Nothing is sent yet. Address and key come from the arguments, else from ``TURNWIRE_BASE_URL`` and
        ``TURNWIRE_API_KEY``, else from ``CASEDEV_BASE_URL`` and ``CASEDEV_API_KEY``, else from the ``turnwire serve``
        of this machine.

        ``token``: a stream token, enough to read one chat's stream. ``timeout``: seconds for the answer and the idle
        clock, or a ``Timeout``; ``None``: neither. ``max_retries``: 2 if not given. ``proxy``: else ``HTTP_PROXY``,
        ``HTTPS_PROXY`` and ``NO_PROXY`` decide; ``no_proxy``: none at all. ``ca_bundle``: a PEM file of authorities to
        trust beside the system's; else that of ``SSL_CERT_FILE``. ``tcp_keepalive``: seconds of silence before TCP probes
        a connection, 60 if not given. ``http2_prior_knowledge``: HTTP/2 from the first byte, also without TLS.
        ``max_event_bytes``: the largest event a stream may bring, 16 MiB if not given, for ``stream`` 32 MiB.
        ``backoff_scale`` multiplies every wait between two attempts of a request or of a stream's resume, those a service
        asks for (``Retry-After``, ``retry:``) included; 1 if not given, tests set it to 0.
        """
        options: dict[str, Any] = {"extra_headers": default_headers, "extra_query": default_query}
        if timeout is not _options.KEEP:
            options["timeout"] = timeout
        if max_retries is not None:
            options["max_retries"] = max_retries
        settings = {
            "baseUrl": base_url,
            "apiKey": api_key,
            "token": token,
            "prefix": prefix,
            "proxy": proxy,
            "caBundle": None if ca_bundle is None else fspath(ca_bundle),
            "userAgent": user_agent,
            "maxEventBytes": max_event_bytes,
            "backoffScale": backoff_scale,
            "tcpKeepaliveMs": None if tcp_keepalive is None else _options.milliseconds(tcp_keepalive),
            "noProxy": no_proxy,
            "http2PriorKnowledge": http2_prior_knowledge,
        }
        given = json.dumps({name: value for name, value in settings.items() if value is not None})
        self._use(_native.Client(given, _options.to_json(options)))

    def _use(self, native: _native.Client) -> None:
        self._native = native
        self.chat = self._chats(native)
        self.agent = Agent(self.chat)

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._native.base_url

    def with_options(self, **options: Unpack[Options]) -> Self:
        """A client on the same connections whose calls have these options; what is not given stays."""
        client = object.__new__(type(self))
        client._use(self._native.with_options(_options.to_json(options)))
        return client

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"


class Turnwire(_Client[Chats]):
    """A client of a chat service."""

    _chats = Chats

    def close(self) -> None:
        """For symmetry with other clients: connections are closed when nobody uses them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTurnwire(_Client[AsyncChats]):
    """A client of a chat service, for asyncio."""

    _chats = AsyncChats

    async def close(self) -> None:
        """For symmetry with other clients: connections are closed when nobody uses them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
