"""The clients: an address, a key, options."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _check, _native, _options
from ._async_chat import AsyncChats
from ._chat import Chats
from ._model import camel
from ._options import Clock, Options
from ._typing import Self, Unpack

C = TypeVar("C")


class V2(Generic[C]):
    """``client.agent.v2``."""

    def __init__(self, chat: C) -> None:
        self.chat = chat


class Agent(Generic[C]):
    """``client.agent``: the path under which the hosted service's own clients have ``chat``."""

    def __init__(self, chat: C) -> None:
        self.v2 = V2(chat)


class _Client(Generic[C]):
    """The base of both clients."""

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
        """Creates a client; nothing is sent yet. The address and the key come from the arguments, else from
        ``TURNWIRE_BASE_URL`` and ``TURNWIRE_API_KEY``, else from ``CASEDEV_BASE_URL`` and ``CASEDEV_API_KEY``, else
        from the ``turnwire serve`` of this machine.

        ``token``: a stream token, which is sufficient to read one chat's stream. ``timeout``: seconds for the answer
        and the idle clock, or a ``Timeout``; ``None`` disables both. ``max_retries``: default 2. ``proxy``: default
        ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``; ``no_proxy`` disables all of them. ``ca_bundle``: a PEM file
        with authorities to trust in addition to the system's; default ``SSL_CERT_FILE``, ``REQUESTS_CA_BUNDLE`` and
        ``CURL_CA_BUNDLE``. ``tcp_keepalive``: seconds of silence before TCP probes a connection, from 1 to 32767,
        default 60. ``http2_prior_knowledge``: HTTP/2 without negotiation, also without TLS.
        ``max_event_bytes``: the maximum size of an event, default 16 MiB, for ``stream`` 32 MiB.
        ``backoff_scale`` multiplies every wait between two attempts of a request or of a stream's resume, including
        those that a service requests (``Retry-After``, ``retry:``); default 1, tests set it to 0.
        """
        options: dict[str, Any] = {"extra_headers": default_headers, "extra_query": default_query}
        if timeout is not _options.KEEP:
            options["timeout"] = timeout
        options["max_retries"] = max_retries
        called = {"extra_headers": "default_headers", "extra_query": "default_query"}
        settings: dict[str, Any] = {
            "noProxy": _check.flag("no_proxy", no_proxy),
            "http2PriorKnowledge": _check.flag("http2_prior_knowledge", http2_prior_knowledge),
        }
        texts = {"base_url": base_url, "api_key": api_key, "token": token, "prefix": prefix, "proxy": proxy}
        texts |= {"ca_bundle": None if ca_bundle is None else fspath(ca_bundle), "user_agent": user_agent}
        for name, value in texts.items():
            if value is not None:
                settings[camel(name)] = _check.text(name, value)
        if max_event_bytes is not None:
            settings["maxEventBytes"] = _check.whole("max_event_bytes", max_event_bytes, 1, 2**32 - 1)
        if backoff_scale is not None:
            settings["backoffScale"] = _check.number("backoff_scale", backoff_scale, 0, 1000)
        if tcp_keepalive is not None:
            settings["tcpKeepalive"] = _check.milliseconds("tcp_keepalive", tcp_keepalive)
        self._use(_native.Client(_check.to_json(settings), _options.to_json(options, called)))

    def _use(self, native: _native.Client) -> None:
        self._native = native
        self.chat = self._chats(native)
        self.agent = Agent(self.chat)

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._native.base_url

    @property
    def api_key(self) -> str:
        """Assign it to use another key in every later request of this client and of those derived by
        ``with_options``. It cannot be read, because a client sends its key only to the service."""
        raise AttributeError("the key of a client cannot be read; api_key can only be set")

    @api_key.setter
    def api_key(self, key: str) -> None:
        self._native.set_api_key(_check.text("api_key", key))

    def is_closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._native.is_closed

    if not TYPE_CHECKING:  # A type checker knows what can be set.

        def __setattr__(self, name: str, value: Any) -> None:
            # Such an attribute would have no effect. A subclass may define one with the same name.
            if name in _SETTINGS and getattr(type(self), name, None) is getattr(_Client, name, None):
                more = f", or use with_options({name}=…)" if name in Options.__annotations__ else ""
                raise AttributeError(f"{name} is set when a client is made: pass it to {type(self).__name__}(…){more}")
            # A subclass may have attributes of its own.
            ours = type(self) in (Turnwire, AsyncTurnwire)
            if ours and not hasattr(type(self), name) and name not in _Client.__annotations__ and name != "_native":
                raise AttributeError(
                    f"{type(self).__name__} has no {name}, and would take no notice of it; a subclass may have attributes of its own"
                )
            object.__setattr__(self, name, value)

    def with_options(self, **options: Unpack[Options]) -> Self:
        """A client on the same connections whose calls use these options; options that are not passed stay as they
        are."""
        client = copy.copy(self)
        client._use(self._native.with_options(_options.to_json(options)))
        return client

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"


#: Settings that are fixed when a client is created.
_SETTINGS = frozenset(inspect.signature(_Client).parameters) - {"api_key"}


class Turnwire(_Client[Chats]):
    """A client of a chat service."""

    _chats = Chats

    def close(self) -> None:
        """Closes all connections, of this client and of those derived from it by ``with_options``. Running calls and
        streams end with ``APIUserAbortError``, and so does every later call."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncTurnwire(_Client[AsyncChats]):
    """A client of a chat service, for asyncio."""

    _chats = AsyncChats

    async def close(self) -> None:
        """Closes all connections, of this client and of those derived from it by ``with_options``. Running calls and
        streams end with ``APIUserAbortError``, and so does every later call."""
        self._native.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
