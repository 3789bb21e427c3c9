"""``with_raw_response``: the same operations, answered by status, headers and bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from . import _async_chat, _chat
from ._resource import RAW
from ._response import RawResponse

P = ParamSpec("P")
T = TypeVar("T")


def _raw(method: Callable[P, T]) -> Callable[P, RawResponse[T]]:
    return _with_raw(method)


def _async_raw(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[RawResponse[T]]]:
    return _with_raw(method)


def _with_raw(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs, **{RAW: True})

    return call


class RawChats:
    """``client.chat.with_raw_response``."""

    def __init__(self, chats: _chat.Chats) -> None:
        self.create = _raw(chats.create)
        self.retrieve = _raw(chats.retrieve)
        self.update = _raw(chats.update)
        self.list = _raw(chats.list)
        self.delete = _raw(chats.delete)
        self.cancel = _raw(chats.cancel)
        self.create_stream_token = _raw(chats.create_stream_token)
        self.reply_to_question = _raw(chats.reply_to_question)
        self.reject_question = _raw(chats.reject_question)
        self.reply_to_permission = _raw(chats.reply_to_permission)
        #: The service's ``message`` route: waits for the whole turn; handlers are not called.
        self.send_message = _raw(chats.send_message)
        self.files = RawFiles(chats.files)
        self.messages = RawMessages(chats.messages)
        self.turns = RawTurns(chats.turns)


class RawFiles:
    """``client.chat.with_raw_response.files``."""

    def __init__(self, files: _chat.Files) -> None:
        self.list = _raw(files.list)
        self.download = _raw(files.download)
        self.upload = _raw(files.upload)
        self.delete = _raw(files.delete)


class RawMessages:
    """``client.chat.with_raw_response.messages``."""

    def __init__(self, messages: _chat.Messages) -> None:
        self.list = _raw(messages.list)


class RawTurns:
    """``client.chat.with_raw_response.turns``."""

    def __init__(self, turns: _chat.Turns) -> None:
        self.retrieve = _raw(turns.retrieve)


class AsyncRawChats:
    """``client.chat.with_raw_response``."""

    def __init__(self, chats: _async_chat.AsyncChats) -> None:
        self.create = _async_raw(chats.create)
        self.retrieve = _async_raw(chats.retrieve)
        self.update = _async_raw(chats.update)
        self.list = _async_raw(chats.list)
        self.delete = _async_raw(chats.delete)
        self.cancel = _async_raw(chats.cancel)
        self.create_stream_token = _async_raw(chats.create_stream_token)
        self.reply_to_question = _async_raw(chats.reply_to_question)
        self.reject_question = _async_raw(chats.reject_question)
        self.reply_to_permission = _async_raw(chats.reply_to_permission)
        #: The service's ``message`` route: waits for the whole turn; handlers are not called.
        self.send_message = _async_raw(chats.send_message)
        self.files = AsyncRawFiles(chats.files)
        self.messages = AsyncRawMessages(chats.messages)
        self.turns = AsyncRawTurns(chats.turns)


class AsyncRawFiles:
    """``client.chat.with_raw_response.files``."""

    def __init__(self, files: _async_chat.AsyncFiles) -> None:
        self.list = _async_raw(files.list)
        self.download = _async_raw(files.download)
        self.upload = _async_raw(files.upload)
        self.delete = _async_raw(files.delete)


class AsyncRawMessages:
    """``client.chat.with_raw_response.messages``."""

    def __init__(self, messages: _async_chat.AsyncMessages) -> None:
        self.list = _async_raw(messages.list)


class AsyncRawTurns:
    """``client.chat.with_raw_response.turns``."""

    def __init__(self, turns: _async_chat.AsyncTurns) -> None:
        self.retrieve = _async_raw(turns.retrieve)
