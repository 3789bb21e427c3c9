import { eventToJson, type TurnEvent } from './events.js'
import { native, type NativeAccumulator } from './native.js'
import { type Turn, turnFromJson } from './turn.js'

/** Folds the events of one turn. The same events result in the same {@link Turn}, in every language. */
export class TurnAccumulator {
  readonly #native: NativeAccumulator = new native.NativeAccumulator()

  /** Applies one event. Returns `false` if it changed nothing (a duplicate, another turn's, unknown, or after the end). */
  push(event: TurnEvent): boolean {
    return this.#native.push(eventToJson(event))
  }

  /** The turn so far; a new object each time. */
  get turn(): Turn {
    return turnFromJson(this.#native.turn())
  }
}
