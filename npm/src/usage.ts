import type { MessageKind } from './words.js'

/** Token counts. Input excludes what the cache gave, output excludes reasoning, the total is the sum of all five. */
export interface TokenCounts {
  inputTokens: number
  outputTokens: number
  reasoningTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  totalTokens: number
  /** Millionths of a dollar; absent: not told. */
  costMicros?: number
}

/** What one message used. */
export interface MessageUsage extends TokenCounts {
  /** `provider/model`. */
  model?: string
}

/** What a turn used: the root session's messages at the top, everything with its subagents in `summary`. */
export interface Usage extends MessageUsage {
  /** The sum of all entries. */
  summary: TokenCounts
  /** One entry a message, in the order the messages came. */
  entries: UsageEntry[]
}

/** What one message of the turn used. */
export interface UsageEntry extends MessageUsage {
  messageId: string
  kind: MessageKind
  /** For a subagent's message: the tool part that runs the subagent. */
  parentPartId?: string
}
