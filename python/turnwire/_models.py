"""Chats, turns, messages, parts and requests. All times are aware, in UTC; ``…_ms`` are integers in milliseconds;
``…_micros`` are millionths of a dollar. Words such as a status are open: expect any string."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from ._model import Model, reader, timestamp

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnError(Model):
    """Why a turn or a message failed."""

    code: str = ""
    message: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolError(Model):
    """Why a tool failed."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts(Model):
    """Tokens. ``input_tokens`` excludes the cache, ``output_tokens`` excludes reasoning; the total is the sum."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    total_tokens: int = 0
    #: ``None`` if the service did not report it.
    cost_micros: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUsage(TokenCounts):
    """The usage of one message."""

    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEntry(MessageUsage):
    """The usage of one message of a turn."""

    message_id: str = ""
    kind: str = "answer"
    parent_part_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(MessageUsage):
    """The usage of a turn: the root session's messages; ``summary`` is the sum of all entries, including subagents."""

    summary: TokenCounts = TokenCounts()
    entries: tuple[UsageEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart(Model):
    """Text of the answer."""

    _tag: ClassVar[str] = "text"
    id: str = ""
    type: str = "text"
    text: str = ""
    #: ``streaming``, ``done``, ``discarded`` (remove it from the screen) or ``error``.
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningPart(Model):
    """The model's reasoning."""

    _tag: ClassVar[str] = "reasoning"
    id: str = ""
    type: str = "reasoning"
    text: str = ""
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPart(Model):
    """A tool call. ``state``: ``pending``, ``running``, ``done`` or ``error``."""

    _tag: ClassVar[str] = "tool"
    id: str = ""
    type: str = "tool"
    call_id: str = ""
    tool: str = ""
    #: The arguments, as the model passed them.
    input: Any = field(default_factory=dict, hash=False)
    output: str | None = None
    error: ToolError | None = None
    title: str | None = None
    metadata: Any = field(default=None, hash=False)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart(Model):
    """A file of the agent, or one that a tool returned. ``omitted`` is true if it was too large to be sent."""

    _tag: ClassVar[str] = "file"
    id: str = ""
    type: str = "file"
    mime: str = ""
    filename: str | None = None
    url: str = ""
    tool_part_id: str | None = None
    omitted: bool = False
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchPart(Model):
    """Files changed in the workspace."""

    _tag: ClassVar[str] = "patch"
    id: str = ""
    type: str = "patch"
    files: tuple[str, ...] = ()
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoItem(Model):
    """One item of the list."""

    content: str = ""
    status: str = ""
    priority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodoPart(Model):
    """The agent's to-do list; a later one replaces an earlier one."""

    _tag: ClassVar[str] = "todo"
    id: str = ""
    type: str = "todo"
    items: tuple[TodoItem, ...] = ()
    state: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPart(Model):
    """A part of a type that this library does not know; ``raw`` is the runtime's own JSON."""

    _tag: ClassVar[str] = ""
    _tag_key: ClassVar[str] = "type"
    id: str = ""
    type: str = ""
    raw: Any = field(default=None, hash=False)
    state: str = "done"


Part = TextPart | ReasoningPart | ToolPart | FilePart | PatchPart | TodoPart | UnknownPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Model):
    """One option of a question; its ``label`` is the answer."""

    label: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt(Model):
    """One question with its options."""

    header: str = ""
    question: str = ""
    options: tuple[Choice, ...] = ()
    multiple: bool = False
    custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Model):
    """One or more questions in one request; an answer has one list of labels (or of free text) for each."""

    _tag: ClassVar[str] = "question"
    kind: str = "question"
    request_id: str
    message_id: str | None = None
    part_id: str | None = None
    questions: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission(Model):
    """A permission that the agent requests."""

    _tag: ClassVar[str] = "permission"
    _tag_key: ClassVar[str] = "kind"
    kind: str = "permission"
    request_id: str
    message_id: str | None = None
    part_id: str | None = None
    #: The kind of permission: ``bash``, ``edit``, ``external_directory`` …
    permission: str = ""
    #: The commands or paths that it concerns.
    patterns: tuple[str, ...] = ()
    metadata: Any = field(default_factory=dict, hash=False)


InputRequest = Question | Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage(Model):
    """The user's message; its parts are plain dictionaries, as they were sent."""

    id: str = ""
    parts: tuple[Any, ...] = field(default=(), hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Model):
    """A message of the agent in a turn."""

    id: str
    kind: str = "answer"
    model: str | None = None
    agent: str | None = None
    parent_part_id: str | None = None
    parts: tuple[Part, ...] = ()
    finish_reason: str | None = None
    error: TurnError | None = None
    usage: MessageUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage(Model):
    """A message of a chat, with the ``role`` ``user`` or ``assistant``."""

    id: str
    role: str | None = None
    #: ``answer`` or ``summary``, of the agent's messages.
    kind: str | None = None
    model: str | None = None
    agent: str | None = None
    parent_part_id: str | None = None
    parts: tuple[Part, ...] = ()
    finish_reason: str | None = None
    error: TurnError | None = None
    usage: MessageUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Model):
    """A turn, ended or so far: exactly the fold of its events."""

    id: str = ""
    chat_id: str = ""
    #: The last ``turn.status`` until the end, then the final status.
    status: str = "running"
    ended: bool = False
    merged_into: str | None = None
    user_message: UserMessage = UserMessage()
    model: str | None = None
    error: TurnError | None = None
    messages: tuple[Message, ...] = ()
    requests: tuple[InputRequest, ...] = ()
    #: The text of the last answer to the user that has text.
    text: str = ""
    usage: Usage = Usage()
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_ms: int | None = None

    @property
    def cost_micros(self) -> int | None:
        """The cost of the whole turn, including subagents, in millionths of a dollar; ``None`` if the service did not
        report it."""
        return self.usage.summary.cost_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(Model):
    """A chat. ``status``: ``active``, ``idle`` (its runtime sleeps) or ``ended``."""

    id: str
    status: str = ""
    provider: str | None = None
    runtime_state: str | None = None
    idle_timeout_ms: int | None = None
    created_at: datetime | None = None
    title: str | None = None
    model: str | None = None
    active_turn_id: str | None = None
    last_event_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedChat(Model):
    """The usage of a deleted chat; ``cost`` is in dollars."""

    id: str
    status: str = ""
    provider: str | None = None
    runtime_id: str | None = None
    runtime_ms: int | None = None
    cost: float | None = None
    cost_micros: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Model):
    """The answer to a cancel: ``ok`` also if no turn was running."""

    id: str = ""
    ok: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamToken(Model):
    """A token for reading one chat's stream; never shown by ``repr``."""

    token: str = field(repr=False)
    expires_at: datetime | None = None
    #: Absolute; it contains the token.
    stream_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry(Model):
    """A file of a chat's workspace; ``path`` is relative to it."""

    name: str = ""
    path: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList(Model):
    """The files of a chat's workspace."""

    chat_id: str = ""
    files: tuple[FileEntry, ...] = ()


_READERS = {
    "Part": reader(Part),
    "InputRequests": reader(tuple[InputRequest, ...]),
    "Timestamp": timestamp,
}


def page(item: type[M], data: dict[str, Any]) -> tuple[tuple[M, ...], str | None]:
    """The items of a page, and the cursor of the next."""
    return tuple(item.from_dict(each) for each in data["data"]), data.get("nextCursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState(Model):
    """A change of a stream's connection. It is passed to ``on_state`` and is not an item of the stream."""

    #: ``resuming``: the connection broke and will be resumed; ``resumed``: events arrive again.
    state: str
    #: With ``resuming``: the number of this attempt in a row, from 1.
    attempt: int | None = None
    #: With ``resuming``: the wait before the attempt.
    wait_ms: int | None = None
    #: With ``resuming``: the error code of the break; ``end`` if the stream simply ended.
    cause: str | None = None


def turn(text: str) -> Turn:
    """A turn of the native module."""
    return Turn.from_dict(json.loads(text))


def load(name: str, text: str) -> Any:
    """For the native module: JSON to the object of a class of this module."""
    read = _READERS.get(name)
    if read is None:
        read = _READERS[name] = globals()[name].from_dict
    return read(json.loads(text))
