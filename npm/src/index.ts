/** Talk to coding agents: persistent chats, streamed turns, typed events. */
export { TurnAccumulator } from './accumulator.js'
export { Chats, type NewChat } from './chat.js'
export { Turnwire, Turnwire as default } from './client.js'
export {
  APIConnectionError,
  APIError,
  APIStatusError,
  APITimeoutError,
  APITimeoutError as APIConnectionTimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ChatEndedError,
  ConflictError,
  IncompleteTurnError,
  InputRequiredError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  StreamIdleTimeoutError,
  TurnConflictError,
  TurnFailedError,
  TurnwireError,
  UnprocessableEntityError,
} from './errors.js'
export {
  type MessageCompleted,
  type MessageCreated,
  parseEvent,
  type PartDelta,
  type PartUpdated,
  type SessionUsage,
  textDelta,
  type TurnCompleted,
  type TurnEvent,
  type TurnStarted,
  type TurnStatusChanged,
  type UnknownEvent,
} from './events.js'
export type { Content, ContentPiece } from './content.js'
export { Files } from './files.js'
export { Messages, type StoredMessage, Turns } from './history.js'
export { LazyBatch, LazyEvent } from './lazy.js'
export { type Cancelled, type Chat, type EndedChat, type FileEntry, type FileList, StreamToken } from './models.js'
export type { CallOptions, ClientOptions, HeadersGiven, QueryGiven, RequestOptions, Timeout } from './options.js'
export type { Pairs } from './pairs.js'
export { type ListParams, Page } from './page.js'
export type {
  FilePart,
  Part,
  PatchPart,
  ReasoningPart,
  TextPart,
  TodoItem,
  TodoPart,
  ToolPart,
  UnknownPart,
} from './parts.js'
export { APIPromise, IterablePromise } from './promise.js'
export type { Answers, PromptParams, RespondParams, SendMessageParams, StreamState } from './prompt.js'
export { type RelayEvent, type RelayGap, type RelayItem, type RelayReset, RelayStream } from './relay.js'
export type {
  InputRequest,
  Permission,
  PermissionReply,
  Question,
  QuestionOption,
  QuestionPrompt,
} from './requests.js'
export { TurnStream } from './stream.js'
export type { FilePromptPart, Message, PromptPart, TextPromptPart, Turn, TurnError, UserMessage } from './turn.js'
export type { UploadParams } from './upload.js'
export type { MessageUsage, TokenCounts, Usage, UsageEntry } from './usage.js'
export type {
  ChatStatus,
  EndedTurnStatus,
  FinishReason,
  MessageKind,
  Open,
  OpenTurnStatus,
  PartState,
  RuntimeState,
  TurnStatus,
} from './words.js'
