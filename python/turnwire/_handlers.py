"""Answering while a turn runs: what ``send_message`` does with its handlers. A request that is not found is one that
somebody else has answered in the meantime."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, Union

from ._arguments import Answers, PermissionReply
from ._async_stream import AsyncTurnStream
from ._errors import NotFoundError
from ._models import Permission, Question, Turn
from ._stream import TurnStream

Wait = Literal["wait"]
#: Gives the answers (``None``: refuses), or ``"wait"``: somebody else answers.
OnQuestion = Union[Callable[[Question], "Answers | None"], Wait]
OnPermission = Union[Callable[[Permission], PermissionReply], Wait]
AsyncOnQuestion = Union[OnQuestion, Callable[[Question], Awaitable["Answers | None"]]]
AsyncOnPermission = Union[OnPermission, Callable[[Permission], Awaitable[PermissionReply]]]


def settle_turn(stream: TurnStream, on_question: OnQuestion | None, on_permission: OnPermission | None) -> Turn:
    """The turn, its questions and permissions answered by the handlers."""
    for event in stream:
        if (question := event.question) and on_question != "wait":
            if on_question is None:
                break
            answers = on_question(question)
            with suppress(NotFoundError):
                stream.reject(question) if answers is None else stream.answer(question, answers)
        elif (permission := event.permission) and on_permission != "wait":
            if on_permission is None:
                break
            reply = on_permission(permission)
            with suppress(NotFoundError):
                stream.allow(permission, reply)
    return stream.result()


async def settle_turn_async(
    stream: AsyncTurnStream, on_question: AsyncOnQuestion | None, on_permission: AsyncOnPermission | None
) -> Turn:
    """The same in an asynchronous program; handlers may be coroutines."""
    async for event in stream:
        if (question := event.question) and on_question != "wait":
            if on_question is None:
                break
            answers = await _value(on_question(question))
            with suppress(NotFoundError):
                await (stream.reject(question) if answers is None else stream.answer(question, answers))
        elif (permission := event.permission) and on_permission != "wait":
            if on_permission is None:
                break
            reply = await _value(on_permission(permission))
            with suppress(NotFoundError):
                await stream.allow(permission, reply)
    return await stream.result()


async def _value(given: Any) -> Any:
    return await given if inspect.isawaitable(given) else given
