import { eventsFromJson, type TurnEvent } from './events.js'
import type { NativeLazyBatch } from './native.js'

const WIDTH = 8
const TYPES = [
  'unknown', 'turn.started', 'turn.status', 'message.created', 'message.part.updated', 'message.completed',
  'session.usage', 'turn.completed',
] as const

/** An event that is read only when it is touched: for relays that pass on more than they look at. */
export class LazyEvent {
  readonly #batch: NativeLazyBatch
  readonly #row: number

  constructor(batch: NativeLazyBatch, index: number) {
    this.#batch = batch
    this.#row = index * WIDTH
  }

  /** Its number in the turn; 0 for an unknown one. */
  get seq(): number {
    return this.#batch.table[this.#row + 2] ?? 0
  }

  /** Its type; `unknown` for one newer than this library. */
  get type(): TurnEvent['type'] {
    return TYPES[this.#batch.table[this.#row + 3] ?? 0] ?? 'unknown'
  }

  /** What it adds to its part; nothing where it adds nothing. */
  get delta(): string | undefined {
    const { table, deltas } = this.#batch
    return table[this.#row + 6] ? deltas.slice(table[this.#row + 4], table[this.#row + 5]) : undefined
  }

  /** What it adds to the text of the answer, as {@link textDelta} tells it; nothing where it adds nothing. */
  get textDelta(): string | undefined {
    return this.#batch.table[this.#row + 7] ? this.delta : undefined
  }

  /** The part it adds to; nothing where it adds nothing. */
  get partId(): string | undefined {
    return this.#batch.parts[(this.#batch.table[this.#row + 6] ?? 0) - 1]
  }

  /** Its JSON, without parsing it. */
  get json(): string {
    return this.#batch.json.slice(this.#batch.table[this.#row], this.#batch.table[this.#row + 1])
  }

  /** The event itself; a fresh object each time. */
  get event(): TurnEvent {
    return eventsFromJson(`[${this.json}]`)[0] as TurnEvent
  }
}

/** Events that came together, none of them parsed yet. */
export class LazyBatch implements Iterable<LazyEvent> {
  readonly #batch: NativeLazyBatch

  constructor(batch: NativeLazyBatch) {
    this.#batch = batch
  }

  /** How many events. */
  get length(): number {
    return this.#batch.table.length / WIDTH
  }

  /** The number of the last one that has one; 0 where none has. */
  get lastSeq(): number {
    const { table } = this.#batch
    for (let row = table.length - WIDTH; row >= 0; row -= WIDTH) if (table[row + 2]) return table[row + 2] as number
    return 0
  }

  /** All of them as one JSON array. */
  get json(): string {
    return this.#batch.json
  }

  /** All of them, parsed at once, which is cheaper than one by one. */
  events(): TurnEvent[] {
    return eventsFromJson(this.#batch.json)
  }

  *[Symbol.iterator](): Generator<LazyEvent> {
    for (let index = 0; index < this.length; index += 1) yield new LazyEvent(this.#batch, index)
  }
}
