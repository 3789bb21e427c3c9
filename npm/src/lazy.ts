import { eventsFromJson, type TurnEvent } from './events.js'
import type { NativeLazyBatch } from './native.js'

const WIDTH = 8
const TYPES = [
  'unknown', 'turn.started', 'turn.status', 'message.created', 'message.part.updated', 'message.completed',
  'session.usage', 'turn.completed',
] as const

/** An event that is parsed on first access, for programs that forward more events than they inspect. */
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

  /** Its type; `unknown` if this library does not know it. */
  get type(): TurnEvent['type'] {
    return TYPES[this.#batch.table[this.#row + 3] ?? 0] ?? 'unknown'
  }

  /** The text that it appends to its part, if any. */
  get delta(): string | undefined {
    const { table, deltas } = this.#batch
    return table[this.#row + 6] ? deltas.slice(table[this.#row + 4], table[this.#row + 5]) : undefined
  }

  /** The text that it appends to the answer, if any, as in {@link textDelta}. */
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

  /** The event itself; a new object each time. */
  get event(): TurnEvent {
    return eventsFromJson(`[${this.json}]`)[0] as TurnEvent
  }
}

/** Events that arrived together, none of them parsed yet. */
export class LazyBatch implements Iterable<LazyEvent> {
  readonly #batch: NativeLazyBatch

  constructor(batch: NativeLazyBatch) {
    this.#batch = batch
  }

  /** The number of events. */
  get length(): number {
    return this.#batch.table.length / WIDTH
  }

  /** The number of the last one that has one; 0 where none has. */
  get lastSeq(): number {
    const { table } = this.#batch
    for (let row = table.length - WIDTH; row >= 0; row -= WIDTH) if (table[row + 2]) return table[row + 2] as number
    return 0
  }

  /** All events as one JSON array. */
  get json(): string {
    return this.#batch.json
  }

  /** All events, parsed at once, which is cheaper than one by one. */
  events(): TurnEvent[] {
    return eventsFromJson(this.#batch.json)
  }

  *[Symbol.iterator](): Generator<LazyEvent> {
    for (let index = 0; index < this.length; index += 1) yield new LazyEvent(this.#batch, index)
  }
}
