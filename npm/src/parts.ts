import type { PartState } from './words.js'

interface PartBase {
  /** Stable over reconnects and replays. */
  id: string
  /** Its state. */
  state: PartState
}

/** Text of the answer. */
export interface TextPart extends PartBase {
  type: 'text'
  /** The whole text so far. */
  text: string
}

/** The model's reasoning. */
export interface ReasoningPart extends PartBase {
  type: 'reasoning'
  /** The whole text so far. */
  text: string
}

/** A tool call. */
export interface ToolPart extends PartBase {
  type: 'tool'
  /** The provider's id of the call. */
  callId: string
  /** The tool's name. */
  tool: string
  /** Its arguments, as the model passed them. */
  input: unknown
  /** The output of the tool, complete or so far. */
  output?: string
  /** Why it failed. */
  error?: { code: string; message: string }
  /** A short title for people. */
  title?: string
  /** Metadata of the tool. */
  metadata?: unknown
  /** RFC 3339. */
  startedAt?: string
  /** RFC 3339. */
  completedAt?: string
}

/** A file of the agent, or one that a tool returned. */
export interface FilePart extends PartBase {
  type: 'file'
  /** Media type. */
  mime: string
  filename?: string
  /** `data:`, `file:` or `https:`. Empty if it was omitted. */
  url: string
  /** The tool part that returned the file. */
  toolPartId?: string
  /** True if the file was too large to be sent, so that `url` is empty. */
  omitted?: true
}

/** Files changed in the workspace. */
export interface PatchPart extends PartBase {
  type: 'patch'
  /** Their paths. */
  files: string[]
}

/** The agent's to-do list; a later one replaces an earlier one. */
export interface TodoPart extends PartBase {
  type: 'todo'
  items: TodoItem[]
}

/** One item of the list. */
export interface TodoItem {
  content: string
  /** `pending`, `in_progress`, `completed`, `cancelled`. */
  status: string
  /** `high`, `medium`, `low`. */
  priority: string
}

/** A part of a type that this library does not know. */
export interface UnknownPart extends PartBase {
  type: 'unknown'
  /** Its kind. */
  partType: string
  /** The part as the runtime sent it. */
  raw: unknown
}

/** The current state of a part. */
export type Part = TextPart | ReasoningPart | ToolPart | FilePart | PatchPart | TodoPart | UnknownPart

const KNOWN: ReadonlySet<string> = new Set(['text', 'reasoning', 'tool', 'file', 'patch', 'todo', 'unknown'])

/** As it travels, an unknown part carries its own kind as `type`, which no union could narrow by. */
export function partFromWire(part: Part): Part {
  if (KNOWN.has(part.type)) return part
  const { id, state, type, raw } = part as PartBase & { type: string; raw?: unknown }
  return { id, type: 'unknown', partType: type, state, raw: raw ?? part }
}

/** The reverse of `partFromWire`. */
export function partToWire(part: Part): unknown {
  if (part.type !== 'unknown') return part
  return { id: part.id, type: part.partType, state: part.state, raw: part.raw }
}
