"""``client.chat`` of a synchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from . import _arguments, _models
from ._arguments import Answers, OnConflict, OnState, PermissionReply, PromptPart, Resume
from ._content import Content
from ._handlers import Handlers, OnPermission, OnQuestion
from ._models import Cancelled, Chat, EndedChat, FileEntry, FileList, StoredMessage, StreamToken, Turn
from ._options import Options
from ._page import Page
from ._resource import RAW, Resource, further, nothing, prepare
from ._stream import RelayStream, TurnStream
from ._download import Download, StreamedDownload
from ._raw import raw
from ._streamed import streamed
from ._typing import Unpack
from ._upload import Upload



class Chats(Resource):
    """Chats: create them, send prompts, read the turns."""

    @property
    def with_raw_response(self) -> RawChats:
        """The same operations, returning status, headers and bytes."""
        return RawChats(self)

    @property
    def with_streaming_response(self) -> StreamingChats:
        """Streams and downloads as a context manager around an answer."""
        return StreamingChats(self)

    @property
    def files(self) -> Files:
        """The files of a chat's workspace."""
        return Files(self._native)

    @property
    def messages(self) -> Messages:
        """The messages of a chat."""
        return Messages(self._native)

    @property
    def turns(self) -> Turns:
        """The turns of a chat."""
        return Turns(self._native)

    def create(
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
        return self._call(
            Chat.from_dict,
            "create",
            options,
            title=title,
            model=model,
            idleTimeoutMs=idle_timeout_ms,
            vaultIds=vault_ids,
            instructions=instructions,
        )

    def retrieve(self, id: str, **options: Unpack[Options]) -> Chat:
        """Retrieves the chat."""
        return self._call(Chat.from_dict, "retrieve", options, id=id)

    def update(self, id: str, *, title: str, **options: Unpack[Options]) -> Chat:
        """Changes the title of the chat."""
        return self._call(Chat.from_dict, "update", options, id=id, title=title)

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        **options: Unpack[Options],
    ) -> Page[Chat]:
        """The chats, newest first."""
        fetch: Callable[[str | None], Page[Chat]] = partial(self._page, options, limit, status)
        return fetch(cursor)

    def _page(self, options: Options, limit: int | None, status: str | None, cursor: str | None) -> Page[Chat]:
        def read(page: Any) -> Page[Chat]:
            return Page(*_models.page(Chat, page), partial(self._page, further(options), limit, status))

        return self._call(read, "list", options, limit=limit, cursor=cursor, status=status)

    def delete(self, id: str, **options: Unpack[Options]) -> EndedChat:
        """Ends the chat and returns its usage; repeating it returns the same figures."""
        return self._call(EndedChat.from_dict, "delete", options, id=id)

    def cancel(self, id: str, *, turn_id: str | None = None, **options: Unpack[Options]) -> Cancelled:
        """Cancels the running turn; with ``turn_id`` only if it is that one."""
        return self._call(Cancelled.from_dict, "cancel", options, id=id, turnId=turn_id)

    def create_stream_token(self, id: str, **options: Unpack[Options]) -> StreamToken:
        """Creates a token that can only read this chat's stream, for example in a browser. It is valid for 5
        minutes."""
        return self._call(StreamToken.from_dict, "createStreamToken", options, id=id)

    def reply_to_question(self, request_id: str, *, id: str, answers: Answers, **options: Unpack[Options]) -> None:
        """Answers a question of the agent: one list of labels (or of free text) for each question in the request."""
        arguments = {"requestId": request_id, "id": id, "answers": _arguments.answers(answers)}
        return self._call(nothing, "replyToQuestion", options, **arguments)

    def reject_question(self, request_id: str, *, id: str, **options: Unpack[Options]) -> None:
        """Refuses to answer a question of the agent."""
        return self._call(nothing, "rejectQuestion", options, requestId=request_id, id=id)

    def reply_to_permission(
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
        return self._call(nothing, "replyToPermission", options, **arguments)

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
        on_question: OnQuestion | None = None,
        on_permission: OnPermission | None = None,
        **options: Unpack[Options],
    ) -> TurnStream:
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
        return TurnStream(self._start("respond", options, arguments, _arguments.teller(on_state)).wait(), handlers=handlers)

    def resume(self, cursor: str, **options: Unpack[Options]) -> TurnStream:
        """Resumes a turn after ``stream.cursor``, also in another process."""
        return TurnStream(self._start("resume", options, {"cursor": cursor}).wait(), cursor)

    def attach(self, id: str, *, turn_id: str | None = None, **options: Unpack[Options]) -> TurnStream | None:
        """Streams the running turn, or the named one, from its first event; ``None`` if no turn is running."""
        native = self._start("attach", options, {"id": id, "turnId": turn_id}).wait()
        return TurnStream(native) if native else None

    def send_message(
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
        on_question: OnQuestion | None = None,
        on_permission: OnPermission | None = None,
        **options: Unpack[Options],
    ) -> Turn:
        """Runs a turn to its end. Raises ``TurnFailedError`` if it failed, and ``InputRequiredError`` if the agent
        makes a request without a handler. A handler returns the answer; ``"wait"`` leaves it to others. A call that
        fails or is abandoned cancels the turn that it started, unless ``cancel_on_close`` is false."""
        if RAW in options:
            arguments = _arguments.prompt(
                prompt, parts, id=id, model=model, agent=agent, system=system, format=format
            )
            return self._call(Turn.from_dict, "sendMessage", options, **arguments)
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
        with stream:
            try:
                return stream.result()
            except BaseException:
                stream._native.abandon().wait()
                raise

    def stream(
        self, id: str, *, token: str | None = None, last_event_id: int | None = None, **options: Unpack[Options]
    ) -> RelayStream:
        """Streams the runtime's raw events of this chat, live; with ``last_event_id`` first those after it, with 0 all.
        It reconnects automatically."""
        arguments = {"id": id, "token": token, "lastEventId": last_event_id}
        return RelayStream(self._start("stream", options, arguments).wait())


class Files(Resource):
    """The files of a chat's workspace; paths are relative to it."""

    @property
    def with_raw_response(self) -> RawFiles:
        """The same operations, returning status, headers and bytes."""
        return RawFiles(self)

    @property
    def with_streaming_response(self) -> StreamingFiles:
        """Streams and downloads as a context manager around an answer."""
        return StreamingFiles(self)

    def list(self, id: str, **options: Unpack[Options]) -> FileList:
        """All files."""
        return self._call(FileList.from_dict, "files.list", options, id=id)

    def download(self, file_path: str, *, id: str, **options: Unpack[Options]) -> Download:
        """Downloads a whole file. For large files use ``with_streaming_response``."""
        return self._call(Download, "files.download", options, whole=True, filePath=file_path, id=id)

    def upload(self, file_path: str, *, id: str, content: Content, **options: Unpack[Options]) -> FileEntry:
        """Writes a file, and creates its folders."""
        given = Upload(content)
        arguments = {"filePath": file_path, "id": id, "content": given.given}
        task, wrap = prepare(self._native, FileEntry.from_dict, "files.upload", options, arguments)
        return wrap(given.send(task))

    def delete(self, file_path: str, *, id: str, **options: Unpack[Options]) -> None:
        """Deletes a file; only our own server supports it."""
        return self._call(nothing, "files.delete", options, filePath=file_path, id=id)


class Messages(Resource):
    """The messages of a chat."""

    @property
    def with_raw_response(self) -> RawMessages:
        """The same operations, returning status, headers and bytes."""
        return RawMessages(self)

    def list(
        self, id: str, *, limit: int | None = None, cursor: str | None = None, **options: Unpack[Options]
    ) -> Page[StoredMessage]:
        """The messages, oldest first."""
        fetch: Callable[[str | None], Page[StoredMessage]] = partial(self._page, options, id, limit)
        return fetch(cursor)

    def _page(self, options: Options, id: str, limit: int | None, cursor: str | None) -> Page[StoredMessage]:
        def read(page: Any) -> Page[StoredMessage]:
            return Page(*_models.page(StoredMessage, page), partial(self._page, further(options), id, limit))

        return self._call(read, "messages.list", options, id=id, limit=limit, cursor=cursor)


class Turns(Resource):
    """The turns of a chat."""

    @property
    def with_raw_response(self) -> RawTurns:
        """The same operations, returning status, headers and bytes."""
        return RawTurns(self)

    def retrieve(self, turn_id: str, *, id: str, **options: Unpack[Options]) -> Turn:
        """The turn so far."""
        return self._call(Turn.from_dict, "turns.retrieve", options, turnId=turn_id, id=id)


class RawChats:
    """``client.chat.with_raw_response``."""

    def __init__(self, chats: Chats) -> None:
        self.create = raw(chats.create)
        self.retrieve = raw(chats.retrieve)
        self.update = raw(chats.update)
        self.list = raw(chats.list)
        self.delete = raw(chats.delete)
        self.cancel = raw(chats.cancel)
        self.create_stream_token = raw(chats.create_stream_token)
        self.reply_to_question = raw(chats.reply_to_question)
        self.reject_question = raw(chats.reject_question)
        self.reply_to_permission = raw(chats.reply_to_permission)
        #: The service's ``message`` route, which waits for the whole turn; handlers are not called.
        self.send_message = raw(chats.send_message)
        self.files = RawFiles(chats.files)
        self.messages = RawMessages(chats.messages)
        self.turns = RawTurns(chats.turns)


class RawFiles:
    """``client.chat.with_raw_response.files``."""

    def __init__(self, files: Files) -> None:
        self.list = raw(files.list)
        self.download = raw(files.download)
        self.upload = raw(files.upload)
        self.delete = raw(files.delete)


class RawMessages:
    """``client.chat.with_raw_response.messages``."""

    def __init__(self, messages: Messages) -> None:
        self.list = raw(messages.list)


class RawTurns:
    """``client.chat.with_raw_response.turns``."""

    def __init__(self, turns: Turns) -> None:
        self.retrieve = raw(turns.retrieve)


class StreamingChats:
    """``client.chat.with_streaming_response``."""

    def __init__(self, chats: Chats) -> None:
        self.respond = streamed(chats.respond)
        self.resume = streamed(chats.resume)
        self.stream = streamed(chats.stream)
        self.files = StreamingFiles(chats.files)


class StreamingFiles:
    """``client.chat.with_streaming_response.files``."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @contextmanager
    def download(self, file_path: str, *, id: str, **options: Unpack[Options]) -> Iterator[StreamedDownload]:
        """Downloads a file in pieces. Leaving the context closes the connection."""
        native = self._files._start("files.download", options, {"filePath": file_path, "id": id}).wait()
        try:
            yield StreamedDownload(native)
        finally:
            native.close().wait()
