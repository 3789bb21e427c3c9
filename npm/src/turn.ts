import { type Part, partFromWire } from './parts.js'
import type { InputRequest } from './requests.js'
import type { MessageUsage, Usage } from './usage.js'
import type { FinishReason, MessageKind, TurnStatus } from './words.js'

/** A turn, ended or so far: exactly the fold of its events. */
export interface Turn {
  id: string
  chatId: string
  /** The last `turn.status` until the end, then the final status. */
  status: TurnStatus
  /** Whether it has ended. */
  ended: boolean
  /** With `merged`: the turn in which it was answered. */
  mergedInto?: string
  /** The user's message. */
  userMessage: UserMessage
  /** `provider/model`. */
  model?: string
  /** The failure. */
  error?: TurnError
  /** The agent's messages, in the order they began; subagents' too. */
  messages: Message[]
  /** The requests open now. */
  requests: InputRequest[]
  /** The text of the last answer to the user that has text. */
  text: string
  usage: Usage
  /** The cost of the whole turn, including subagents, in millionths of a dollar; absent if not reported. */
  costMicros?: number
  /** RFC 3339. */
  startedAt?: string
  /** RFC 3339. */
  completedAt?: string
  durationMs?: number
}

/** The user's message. */
export interface UserMessage {
  id: string
  /** As they were sent. */
  parts: PromptPart[]
}

/** A part of a prompt. */
export type PromptPart = TextPromptPart | FilePromptPart

/** Text. */
export interface TextPromptPart {
  type: 'text'
  text: string
}

/** A file, by a `data:` or other URL. */
export interface FilePromptPart {
  type: 'file'
  mime: string
  filename?: string
  url: string
}

/** A message of the agent. */
export interface Message {
  id: string
  kind: MessageKind
  /** `provider/model`. */
  model?: string
  /** The agent that wrote the message. */
  agent?: string
  /** For a subagent's message: the tool part that runs the subagent. */
  parentPartId?: string
  /** Its parts, in the order they began. */
  parts: Part[]
  /** Why it ended; absent while it is open. */
  finishReason?: FinishReason
  /** The failure. */
  error?: TurnError
  usage?: MessageUsage
}

/** Why a turn or a message failed. */
export interface TurnError {
  /** For programs. */
  code: string
  /** For people. */
  message: string
  /** Whether the same prompt may succeed later. */
  retryable: boolean
}

/** Reads a turn from the JSON of the core. */
export function turnFromJson(json: string): Turn {
  const turn = JSON.parse(json) as Turn
  for (const message of turn.messages) message.parts = message.parts.map(partFromWire)
  const cost = turn.usage.summary.costMicros
  if (cost !== undefined) turn.costMicros = cost
  return turn
}
