import type { NativeRelay } from './native.js'
import { Reader } from './reader.js'

/** One of the runtime's own (OpenCode) events, as it came. */
export interface RelayEvent {
  kind: 'event'
  /** The chat's number of it: pass it as `lastEventId` to go on after it. */
  id?: number
  /** The runtime's own type, such as `message.part.delta`. */
  eventType: string
  /** The session it is of: the chat's, or that of a subagent. */
  sessionId?: string
  /** The event. */
  raw: unknown
}

/** What was asked for is no longer kept: the next event is number `oldest`. */
export interface RelayGap {
  kind: 'gap'
  oldest: number
}

/** What was asked for never was: the log ends at `head`, and goes on live. */
export interface RelayReset {
  kind: 'reset'
  head: number
}

/** What a relay brings. */
export type RelayItem = RelayEvent | RelayGap | RelayReset

/** The relay of a chat: every event of its runtime, in one order for ever. */
export class RelayStream extends Reader<RelayItem> {
  #lastEventId: number | undefined

  /** The service's `x-request-id` of the answer that opened the stream. */
  readonly requestId: string | undefined

  constructor(
    native: NativeRelay,
    requestId: string | undefined,
    signal: AbortSignal | null | undefined,
  ) {
    super(native, signal, () => (this.#lastEventId === undefined ? {} : { cursor: String(this.#lastEventId) }))
    this.#lastEventId = native.beganAfter ?? undefined
    this.requestId = requestId
  }

  /** The number of the last event that was handed out, or of the one the relay began after: where to go on. */
  get lastEventId(): number | undefined {
    return this.#lastEventId
  }

  protected handed(item: RelayItem): void {
    if (item.kind === 'event') this.#lastEventId = item.id ?? this.#lastEventId
    else this.#lastEventId = item.kind === 'gap' ? Math.max(0, item.oldest - 1) : item.head
  }

  protected handedUpTo(number: number | null): void {
    this.#lastEventId = number ?? this.#lastEventId
  }

  protected decode(json: string): RelayItem[] {
    return JSON.parse(json) as RelayItem[]
  }
}
