"""``client.chat`` of an asynchronous client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from . import _arguments, _models
from ._arguments import Answers, OnConflict, OnState, PermissionReply, PromptPart, Resume
from ._async_stream import AsyncRelayStream, AsyncTurnStream
from ._content import AsyncContent
from ._handlers import AsyncOnPermission, AsyncOnQuestion, Handlers
from ._models import Cancelled, Chat, EndedChat, FileEntry, FileList, StoredMessage, StreamToken, Turn
from ._options import Options
from ._page import AsyncPage, AsyncPages
from ._resource import RAW, AsyncResource, further, nothing, prepare
from ._download import AsyncStreamedDownload, Download
from ._raw import async_raw
from ._streamed import async_streamed
from ._typing import Unpack
from ._upload import AsyncUpload
from ._wait import finished



class AsyncChats(AsyncResource):
    """Chats: create them, send prompts, read the turns."""

    @property
    def with_raw_response(self) -> AsyncRawChats:
        """The same operations, returning status, headers and bytes."""
        return AsyncRawChats(self)

    @property
    def with_streaming_response(self) -> AsyncStreamingChats:
        """Streams and downloads as a context manager around an answer."""
        return AsyncStreamingChats(self)

    @property
    def files(self) -> AsyncFiles:
        """The files of a chat's workspace."""
        return AsyncFiles(self._native)

    @property
    def messages(self) -> AsyncMessages:
        """The messages of a chat."""
        return AsyncMessages(self._native)

    @property
    def turns(self) -> AsyncTurns:
        """The turns of a chat."""
        return AsyncTurns(self._native)

    async def create(
        self,
        *,
        title: str | None = None,
        model: str | None = None,
        idle_timeout_ms: int | None = None,
        vault_ids: Iterable[str] | None = None,
        instructions: str | None = None,
        **options: Unpack[Options],
    ) -> Chat:
        """Creates a chat. ``idle_timeout_ms``: how long its runtime stays awake unused, default 15 minutes."""
        return await self._call(
            Chat.from_dict,
            "create",
            options,
            title=title,
            model=model,
            idleTimeoutMs=idle_timeout_ms,
            vaultIds=vault_ids,
            instructions=instructions,
        )

    async def retrieve(self, id: str, **options: Unpack[Options]) -> Chat:
        """Retrieves the chat."""
        return await self._call(Chat.from_dict, "retrieve", options, id=id)

    async def update(self, id: str, *, title: str, **options: Unpack[Options]) -> Chat:
        """Changes the title of the chat."""
        return await self._call(Chat.from_dict, "update", options, id=id, title=title)

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        **options: Unpack[Options],
    ) -> AsyncPages[Chat]:
        """The chats, newest first."""
        fetch: Callable[[str | None], Awaitable[AsyncPage[Chat]]] = partial(self._page, options, limit, status)
        return AsyncPages(fetch, cursor)

    async def _page(self, options: Options, limit: int | None, status: str | None, cursor: str | None) -> AsyncPage[Chat]:
        def read(page: Any) -> AsyncPage[Chat]:
            return AsyncPage(*_models.page(Chat, page), partial(self._page, further(options), limit, status))

        return await self._call(read, "list", options, limit=limit, cursor=cursor, status=status)

    async def delete(self, id: str, **options: Unpack[Options]) -> EndedChat:
        """Ends the chat and returns its usage; repeating it returns the same figures."""
        return await self._call(EndedChat.from_dict, "delete", options, id=id)

    async def cancel(self, id: str, *, turn_id: str | None = None, **options: Unpack[Options]) -> Cancelled:
        """Cancels the running turn; with ``turn_id`` only if it is that one."""
        return await self._call(Cancelled.from_dict, "cancel", options, id=id, turnId=turn_id)

    async def create_stream_token(self, id: str, **options: Unpack[Options]) -> StreamToken:
        """Creates a token that can only read this chat's stream, for example in a browser. It is valid for 5
        minutes."""
        return await self._call(StreamToken.from_dict, "createStreamToken", options, id=id)

    async def reply_to_question(self, request_id: str, *, id: str, answers: Answers, **options: Unpack[Options]) -> None:
        """Answers a question of the agent: one list of labels (or of free text) for each question in the request."""
        arguments = {"requestId": request_id, "id": id, "answers": _arguments.answers(answers)}
        return await self._call(nothing, "replyToQuestion", options, **arguments)

    async def reject_question(self, request_id: str, *, id: str, **options: Unpack[Options]) -> None:
        """Refuses to answer a question of the agent."""
        return await self._call(nothing, "rejectQuestion", options, requestId=request_id, id=id)

    async def reply_to_permission(
        self,
        request_id: str,
        *,
        id: str,
        reply: PermissionReply,
        message: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Grants or refuses a permission that the agent requested."""
        arguments = {"requestId": request_id, "id": id, "reply": reply, "message": message}
        return await self._call(nothing, "replyToPermission", options, **arguments)

    def respond(
        self,
        id: str,
        prompt: str | None = None,
        *,
        parts: Iterable[PromptPart] | None = None,
        model: str | None = None,
        agent: str | None = None,
        system: str | None = None,
        format: Mapping[str, object] | None = None,
        on_conflict: OnConflict = "error",
        cancel_on_close: bool = False,
        resume: Resume = "auto",
        on_state: OnState | None = None,
        on_question: AsyncOnQuestion | None = None,
        on_permission: AsyncOnPermission | None = None,
        **options: Unpack[Options],
    ) -> AsyncTurnStream:
        """Starts a turn and streams it. Errors of the service, such as a turn that is already running, are raised here.

        ``on_conflict``: what to do if another turn is running: raise, wait for its end, or cancel it. ``resume``: how
        to continue after a broken connection. ``on_state`` is called, while the stream is read, when the connection
        broke and when it was resumed. If the stream is closed, its turn continues, unless ``cancel_on_close`` is set.
        ``on_question`` and ``on_permission`` answer while the stream is read; ``"wait"`` leaves the answer to others.
        """
        handlers = Handlers(on_question, on_permission)
        arguments = _arguments.prompt(
            prompt,
            parts,
            id=id,
            model=model,
            agent=agent,
            system=system,
            format=format,
            onConflict=on_conflict,
            cancelOnClose=cancel_on_close,
            resume=resume,
            onState=on_state is not None,
            **handlers.policies,
        )
        start = partial(self._start, "respond", options, arguments, _arguments.teller(on_state))
        return AsyncTurnStream(start, handlers=handlers)

    def resume(self, cursor: str, **options: Unpack[Options]) -> AsyncTurnStream:
        """Resumes a turn after ``stream.cursor``, also in another process."""
        return AsyncTurnStream(partial(self._start, "resume", options, {"cursor": cursor}), cursor=cursor)

    async def attach(self, id: str, *, turn_id: str | None = None, **options: Unpack[Options]) -> AsyncTurnStream | None:
        """Streams the running turn, or the named one, from its first event; ``None`` if no turn is running."""
        start = partial(self._start, "attach", options, {"id": id, "turnId": turn_id})
        native = await finished(start())
        return AsyncTurnStream(start, native) if native else None

    async def send_message(
        self,
        id: str,
        prompt: str | None = None,
        *,
        parts: Iterable[PromptPart] | None = None,
        model: str | None = None,
        agent: str | None = None,
        system: str | None = None,
        format: Mapping[str, object] | None = None,
        on_conflict: OnConflict = "error",
        cancel_on_close: bool = True,
        resume: Resume = "auto",
        on_state: OnState | None = None,
        on_question: AsyncOnQuestion | None = None,
        on_permission: AsyncOnPermission | None = None,
        **options: Unpack[Options],
    ) -> Turn:
        """Runs a turn to its end. Raises ``TurnFailedError`` if it failed, and ``InputRequiredError`` if the agent
        makes a request without a handler. A handler returns the answer; ``"wait"`` leaves it to others. A call that
        fails or is abandoned cancels the turn that it started, unless ``cancel_on_close`` is false."""
        if RAW in options:
            arguments = _arguments.prompt(
                prompt, parts, id=id, model=model, agent=agent, system=system, format=format
            )
            return await self._call(Turn.from_dict, "sendMessage", options, **arguments)
        stream = self.respond(
            id,
            prompt,
            parts=parts,
            model=model,
            agent=agent,
            system=system,
            format=format,
            on_conflict=on_conflict,
            cancel_on_close=cancel_on_close,
            resume=resume,
            on_state=on_state,
            on_question=on_question,
            on_permission=on_permission,
            **options,
        )
        async with stream:
            try:
                return await stream.result()
            except Exception:
                # Not if the task itself is cancelled: closing the stream cancels the turn then, and nothing waits.
                await finished(stream._native.abandon())
                raise

    def stream(
        self, id: str, *, token: str | None = None, last_event_id: int | None = None, **options: Unpack[Options]
    ) -> AsyncRelayStream:
        """Streams the runtime's raw events of this chat, live; with ``last_event_id`` first those after it, with 0 all.
        It reconnects automatically."""
        arguments = {"id": id, "token": token, "lastEventId": last_event_id}
        return AsyncRelayStream(partial(self._start, "stream", options, arguments), last_event_id)


class AsyncFiles(AsyncResource):
    """The files of a chat's workspace; paths are relative to it."""

    @property
    def with_raw_response(self) -> AsyncRawFiles:
        """The same operations, returning status, headers and bytes."""
        return AsyncRawFiles(self)

    @property
    def with_streaming_response(self) -> AsyncStreamingFiles:
        """Streams and downloads as a context manager around an answer."""
        return AsyncStreamingFiles(self)

    async def list(self, id: str, **options: Unpack[Options]) -> FileList:
        """All files."""
        return await self._call(FileList.from_dict, "files.list", options, id=id)

    async def download(self, file_path: str, *, id: str, **options: Unpack[Options]) -> Download:
        """Downloads a whole file. For large files use ``with_streaming_response``."""
        return await self._call(Download, "files.download", options, whole=True, filePath=file_path, id=id)

    async def upload(self, file_path: str, *, id: str, content: AsyncContent, **options: Unpack[Options]) -> FileEntry:
        """Writes a file, and creates its folders."""
        given = AsyncUpload(content)
        arguments = {"filePath": file_path, "id": id, "content": given.given}
        task, wrap = prepare(self._native, FileEntry.from_dict, "files.upload", options, arguments)
        return wrap(await given.send(task))

    async def delete(self, file_path: str, *, id: str, **options: Unpack[Options]) -> None:
        """Deletes a file; only our own server supports it."""
        return await self._call(nothing, "files.delete", options, filePath=file_path, id=id)


class AsyncMessages(AsyncResource):
    """The messages of a chat."""

    @property
    def with_raw_response(self) -> AsyncRawMessages:
        """The same operations, returning status, headers and bytes."""
        return AsyncRawMessages(self)

    def list(
        self, id: str, *, limit: int | None = None, cursor: str | None = None, **options: Unpack[Options]
    ) -> AsyncPages[StoredMessage]:
        """The messages, oldest first."""
        fetch: Callable[[str | None], Awaitable[AsyncPage[StoredMessage]]] = partial(self._page, options, id, limit)
        return AsyncPages(fetch, cursor)

    async def _page(self, options: Options, id: str, limit: int | None, cursor: str | None) -> AsyncPage[StoredMessage]:
        def read(page: Any) -> AsyncPage[StoredMessage]:
            return AsyncPage(*_models.page(StoredMessage, page), partial(self._page, further(options), id, limit))

        return await self._call(read, "messages.list", options, id=id, limit=limit, cursor=cursor)


class AsyncTurns(AsyncResource):
    """The turns of a chat."""

    @property
    def with_raw_response(self) -> AsyncRawTurns:
        """The same operations, returning status, headers and bytes."""
        return AsyncRawTurns(self)

    async def retrieve(self, turn_id: str, *, id: str, **options: Unpack[Options]) -> Turn:
        """The turn so far."""
        return await self._call(Turn.from_dict, "turns.retrieve", options, turnId=turn_id, id=id)


class AsyncRawChats:
    """``client.chat.with_raw_response``."""

    def __init__(self, chats: AsyncChats) -> None:
        self.create = async_raw(chats.create)
        self.retrieve = async_raw(chats.retrieve)
        self.update = async_raw(chats.update)
        self.list = async_raw(chats.list)
        self.delete = async_raw(chats.delete)
        self.cancel = async_raw(chats.cancel)
        self.create_stream_token = async_raw(chats.create_stream_token)
        self.reply_to_question = async_raw(chats.reply_to_question)
        self.reject_question = async_raw(chats.reject_question)
        self.reply_to_permission = async_raw(chats.reply_to_permission)
        #: The service's ``message`` route, which waits for the whole turn; handlers are not called.
        self.send_message = async_raw(chats.send_message)
        self.files = AsyncRawFiles(chats.files)
        self.messages = AsyncRawMessages(chats.messages)
        self.turns = AsyncRawTurns(chats.turns)


class AsyncRawFiles:
    """``client.chat.with_raw_response.files``."""

    def __init__(self, files: AsyncFiles) -> None:
        self.list = async_raw(files.list)
        self.download = async_raw(files.download)
        self.upload = async_raw(files.upload)
        self.delete = async_raw(files.delete)


class AsyncRawMessages:
    """``client.chat.with_raw_response.messages``."""

    def __init__(self, messages: AsyncMessages) -> None:
        self.list = async_raw(messages.list)


class AsyncRawTurns:
    """``client.chat.with_raw_response.turns``."""

    def __init__(self, turns: AsyncTurns) -> None:
        self.retrieve = async_raw(turns.retrieve)


class AsyncStreamingChats:
    """``client.chat.with_streaming_response``."""

    def __init__(self, chats: AsyncChats) -> None:
        self.respond = async_streamed(chats.respond)
        self.resume = async_streamed(chats.resume)
        self.stream = async_streamed(chats.stream)
        self.files = AsyncStreamingFiles(chats.files)


class AsyncStreamingFiles:
    """``client.chat.with_streaming_response.files``."""

    def __init__(self, files: AsyncFiles) -> None:
        self._files = files

    @asynccontextmanager
    async def download(
        self, file_path: str, *, id: str, **options: Unpack[Options]
    ) -> AsyncIterator[AsyncStreamedDownload]:
        """Downloads a file in pieces. Leaving the context closes the connection."""
        native = await finished(self._files._start("files.download", options, {"filePath": file_path, "id": id}))
        try:
            yield AsyncStreamedDownload(native)
        finally:
            await finished(native.close())
