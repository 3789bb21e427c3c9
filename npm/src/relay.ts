import type { NativeRelay } from './native.js'
import { Reader } from './reader.js'

/** One raw event of the runtime (OpenCode), unchanged. */
export interface RelayEvent {
  kind: 'event'
  /** Its number in the chat: pass it as `lastEventId` to continue after it. */
  id?: number
  /** The runtime's own type, such as `message.part.delta`. */
  eventType: string
  /** Its session: the chat's, or that of a subagent. */
  sessionId?: string
  /** The event. */
  raw: unknown
}

/** The requested events are no longer kept; the next event is number `oldest`. */
export interface RelayGap {
  kind: 'gap'
  oldest: number
}

/** The requested number does not exist yet; the log ends at `head`, and continues live. */
export interface RelayReset {
  kind: 'reset'
  head: number
}

/** An item of a relay. */
export type RelayItem = RelayEvent | RelayGap | RelayReset

/** The relay of a chat: every event of its runtime, in an order that never changes. */
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

  /** The number of the last delivered event, or of the one after which the relay began: the position to resume from. */
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
