import { errorFrom } from './failure.js'
import { native } from './native.js'
import { type Part, partFromWire, partToWire } from './parts.js'
import type { InputRequest, Permission, Question } from './requests.js'
import type { TurnError, UserMessage } from './turn.js'
import type { MessageUsage, Usage } from './usage.js'
import type { EndedTurnStatus, FinishReason, MessageKind, Open, TurnStatus } from './words.js'

interface Envelope {
  /** 1, 2, 3 … in the turn; 0 where a service does not number its events. */
  seq: number
  chatId: string
  turnId: string
}

/** Always first. */
export interface TurnStarted extends Envelope {
  type: 'turn.started'
  /** The user's message. */
  userMessage: UserMessage
  /** `provider/model`. */
  model?: string
  /** RFC 3339. */
  startedAt?: string
}

/** The turn's status or its open requests changed. */
export interface TurnStatusChanged extends Envelope {
  type: 'turn.status'
  status: TurnStatus
  /** A text for people, for example the provider's error while `retrying`. */
  message?: string
  /** While `retrying`: the number of the attempt, from 1. */
  attempt?: number
  /** While `retrying`: when the next attempt is made, RFC 3339. */
  nextAttemptAt?: string
  /** All open requests; the set replaces the previous one. Absent if none is open. */
  requests?: InputRequest[]
  /** The question that this event is the first to report. */
  question?: Question
  /** The permission request that this event is the first to report. */
  permission?: Permission
}

/** The agent begins a message. */
export interface MessageCreated extends Envelope {
  type: 'message.created'
  messageId: string
  kind: MessageKind
  /** `provider/model`. */
  model?: string
  /** The agent that wrote the message. */
  agent?: string
  /** For a subagent's message: the tool part that runs the subagent. */
  parentPartId?: string
  /** RFC 3339. */
  createdAt?: string
}

interface PartEvent extends Envelope {
  type: 'message.part.updated'
  messageId: string
  partId: string
  /** The kind of the part, as it travels. */
  partType: Open<'text' | 'reasoning' | 'tool' | 'file' | 'patch' | 'todo'>
  /** `summary` for a part of a summary, else absent. */
  kind?: MessageKind
  /** For a subagent's part: the tool part that runs the subagent. */
  parentPartId?: string
}

/** Text to append to a text or reasoning part. */
export interface PartDelta extends PartEvent {
  /** The text to append. */
  delta: string
  part?: never
}

/** The current state of a part, which replaces the previous one. */
export interface PartUpdated extends PartEvent {
  part: Part
  delta?: never
}

/** The message and all its parts have ended. */
export interface MessageCompleted extends Envelope {
  type: 'message.completed'
  messageId: string
  /** `summary` for a summary, else absent. */
  kind?: MessageKind
  /** For a subagent's message: the tool part that runs the subagent. */
  parentPartId?: string
  finishReason: FinishReason
  usage?: MessageUsage
  error?: TurnError
  /** RFC 3339. */
  completedAt?: string
}

/** The usage of the turn. Sent once, immediately before the end. */
export interface SessionUsage extends Envelope {
  type: 'session.usage'
  usage: Usage
}

/** Always last. */
export interface TurnCompleted extends Envelope {
  type: 'turn.completed'
  status: Open<EndedTurnStatus>
  /** With `merged`: the turn in which it was answered. */
  mergedInto?: string
  error?: TurnError
  /** RFC 3339. */
  completedAt?: string
  durationMs?: number
}

/** An event that this library does not know or could not parse. */
export interface UnknownEvent {
  type: 'unknown'
  /** Its own type; empty where it has none. */
  eventType: string
  /** The event as it was received. */
  raw: unknown
  seq?: never
  chatId?: never
  turnId?: never
}

/** An event of a turn, discriminated by `type`; `message.part.updated` has either `delta` or `part`. */
export type TurnEvent =
  | TurnStarted
  | TurnStatusChanged
  | MessageCreated
  | PartDelta
  | PartUpdated
  | MessageCompleted
  | SessionUsage
  | TurnCompleted
  | UnknownEvent

/** The new text of the agent's answer: the delta of a text part, not of a summary, of reasoning or a subagent. */
export function textDelta(event: TurnEvent): string | undefined {
  if (event.type !== 'message.part.updated' || event.delta === undefined) return undefined
  return event.partType === 'text' && event.parentPartId === undefined && event.kind !== 'summary'
    ? event.delta
    : undefined
}

/**
 * Reads one event as it travels.
 *
 * @param name the SSE `event:` it came under, used where the JSON has no `type`
 * @throws {@link APIError} if the text is not a JSON object. An unknown event is an `UnknownEvent`.
 */
export function parseEvent(json: string, name?: string): TurnEvent {
  const read = native.parseEvent(json, name)
  if (typeof read !== 'string') throw errorFrom(read)
  return eventFromWire(JSON.parse(read) as TurnEvent)
}

/** Reads the JSON array of a batch. */
export function eventsFromJson(json: string): TurnEvent[] {
  const events = JSON.parse(json) as TurnEvent[]
  for (const event of events) eventFromWire(event)
  return events
}

function eventFromWire(event: TurnEvent): TurnEvent {
  if (event.type === 'message.part.updated' && event.part !== undefined) event.part = partFromWire(event.part)
  return event
}

/** One event in its JSON form. */
export function eventToJson(event: TurnEvent): string {
  if (event.type === 'unknown') return JSON.stringify(event.raw)
  if (event.type === 'message.part.updated' && event.part?.type === 'unknown') {
    return JSON.stringify({ ...event, part: partToWire(event.part) })
  }
  return JSON.stringify(event)
}
