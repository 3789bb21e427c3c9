import type { MessageKind } from './words.js'

/** Token counts. Input excludes the cache, output excludes reasoning, the total is the sum of all five. */
export interface TokenCounts {
  inputTokens: number
  outputTokens: number
  reasoningTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  totalTokens: number
  /** Millionths of a dollar; absent if the service did not report it. */
  costMicros?: number
}

/** The usage of one message. */
export interface MessageUsage extends TokenCounts {
  /** `provider/model`. */
  model?: string
}

/** The usage of a turn: the root session's messages at the top level, everything including subagents in `summary`. */
export interface Usage extends MessageUsage {
  /** The sum of all entries. */
  summary: TokenCounts
  /** One entry per message, in the order of the messages. */
  entries: UsageEntry[]
}

/** The usage of one message of the turn. */
export interface UsageEntry extends MessageUsage {
  messageId: string
  kind: MessageKind
  /** For a subagent's message: the tool part that runs the subagent. */
  parentPartId?: string
}
