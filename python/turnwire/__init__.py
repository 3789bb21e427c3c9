"""Talk to coding agents: chats that last, turns that stream, events with types.

    from turnwire import Turnwire

    client = Turnwire()
    chat = client.chat.create(title="Review")
    with client.chat.respond(chat.id, "List the open points.") as stream:
        for event in stream:
            print(event.text_delta or "", end="")
        turn = stream.result()
"""

import atexit as _atexit

from . import _native
from ._arguments import Answers, PromptPart
from ._async_chat import AsyncChats
from ._async_stream import AsyncRelayStream, AsyncTurnStream
from ._chat import Chats
from ._client import AsyncTurnwire, Turnwire
from ._content import AsyncContent, Content
from ._download import AsyncStreamedDownload, Download, StreamedDownload
from ._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    APIUserAbortError,
    AuthenticationError,
    BadRequestError,
    ChatEndedError,
    ConflictError,
    IncompleteTurnError,
    InputRequiredError,
    InternalServerError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamIdleTimeoutError,
    TurnConflictError,
    TurnFailedError,
    TurnwireError,
    UnprocessableEntityError,
)
from ._events import (
    MessageCompleted,
    MessageCreated,
    PartDelta,
    PartUpdated,
    RelayEvent,
    RelayGap,
    RelayItem,
    RelayReset,
    SessionUsage,
    TurnCompleted,
    TurnEvent,
    TurnStarted,
    TurnStatusChanged,
    UnknownEvent,
)
from ._models import (
    Cancelled,
    Chat,
    Choice,
    EndedChat,
    FileEntry,
    FileList,
    FilePart,
    InputRequest,
    Message,
    MessageUsage,
    Part,
    PatchPart,
    Permission,
    Prompt,
    Question,
    ReasoningPart,
    StoredMessage,
    StreamState,
    StreamToken,
    TextPart,
    TodoItem,
    TodoPart,
    TokenCounts,
    ToolError,
    ToolPart,
    Turn,
    TurnError,
    UnknownPart,
    Usage,
    UsageEntry,
    UserMessage,
)
from ._native import TurnAccumulator, __version__, parse_event
from ._options import Options, Timeout
from ._page import AsyncPage, Page
from ._response import Headers, RawResponse
from ._stream import RelayStream, TurnStream
from ._streamed import AsyncStreamedResponse, StreamedResponse

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "APIUserAbortError",
    "Answers",
    "AsyncChats",
    "AsyncContent",
    "AsyncPage",
    "AsyncRelayStream",
    "AsyncStreamedDownload",
    "AsyncStreamedResponse",
    "AsyncTurnStream",
    "AsyncTurnwire",
    "AuthenticationError",
    "BadRequestError",
    "Cancelled",
    "Chat",
    "ChatEndedError",
    "Chats",
    "Choice",
    "ConflictError",
    "Content",
    "Download",
    "EndedChat",
    "FileEntry",
    "FileList",
    "FilePart",
    "Headers",
    "IncompleteTurnError",
    "InputRequest",
    "InputRequiredError",
    "InternalServerError",
    "InvalidArgumentError",
    "Message",
    "MessageCompleted",
    "MessageCreated",
    "MessageUsage",
    "NotFoundError",
    "Options",
    "Page",
    "Part",
    "PartDelta",
    "PartUpdated",
    "PatchPart",
    "Permission",
    "PermissionDeniedError",
    "Prompt",
    "PromptPart",
    "Question",
    "RateLimitError",
    "RawResponse",
    "ReasoningPart",
    "RelayEvent",
    "RelayGap",
    "RelayItem",
    "RelayReset",
    "RelayStream",
    "SessionUsage",
    "StoredMessage",
    "StreamIdleTimeoutError",
    "StreamState",
    "StreamToken",
    "StreamedDownload",
    "StreamedResponse",
    "TextPart",
    "Timeout",
    "TodoItem",
    "TodoPart",
    "TokenCounts",
    "ToolError",
    "ToolPart",
    "Turn",
    "TurnAccumulator",
    "TurnCompleted",
    "TurnConflictError",
    "TurnError",
    "TurnEvent",
    "TurnFailedError",
    "TurnStarted",
    "TurnStatusChanged",
    "TurnStream",
    "Turnwire",
    "TurnwireError",
    "UnknownEvent",
    "UnknownPart",
    "UnprocessableEntityError",
    "Usage",
    "UsageEntry",
    "UserMessage",
    "__version__",
    "parse_event",
]

# Before the interpreter goes, no thread of ours may be on its way into it.
_atexit.register(_native._shutdown)
