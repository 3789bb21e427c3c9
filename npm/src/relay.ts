import type { NativeRelay } from './native.js'
import { Reader } from './reader.js'

/** One of the runtime's own (OpenCode) events, as it came. */
export interface RelayEvent {
  type: 'event'
  /** The chat's number of it: pass it as `lastEventId` to go on after it. */
  id: string
  /** The runtime's own type, such as `message.part.delta`. */
  eventType: string
  /** The session it is of: the chat's, or that of a subagent. */
  sessionId?: string
  /** The event. */
  raw: unknown
}

/** What was asked for is no longer kept: the next event is number `oldest`. */
export interface RelayGap {
  type: 'gap'
  oldest: string
}

/** What was asked for never was: the log ends at `head`, and goes on live. */
export interface RelayReset {
  type: 'reset'
  head: string
}

/** What a relay brings. */
export type RelayItem = RelayEvent | RelayGap | RelayReset

/** The relay of a chat: every event of its runtime, in one order for ever. */
export class RelayStream extends Reader<RelayItem> {
  #lastEventId: string | undefined

  constructor(native: NativeRelay, lastEventId: string | undefined, signal: AbortSignal | null | undefined) {
    super(native, signal, () => {
      const cursor = this.#lastEventId
      return cursor === undefined ? {} : { cursor }
    })
    this.#lastEventId = lastEventId
  }

  /** The number of the last event that was handed out: where to go on. */
  get lastEventId(): string | undefined {
    return this.#lastEventId
  }

  protected handed(item: RelayItem): void {
    if (item.type === 'event') this.#lastEventId = item.id
  }

  protected decode(json: string): RelayItem[] {
    return JSON.parse(json) as RelayItem[]
  }
}
