import { eventToJson, type TurnEvent } from './events.js'
import { native, type NativeAccumulator } from './native.js'
import { type Turn, turnFromJson } from './turn.js'

/** Folds the events of one turn. Pure: the same events give the same {@link Turn}, in every language. */
export class TurnAccumulator {
  readonly #native: NativeAccumulator = new native.NativeAccumulator()

  /** Takes one event in. `false`: it told nothing new (told before, of another turn, unknown, or after the end). */
  push(event: TurnEvent): boolean {
    return this.#native.push(eventToJson(event))
  }

  /** The turn so far; a fresh object each time. */
  get turn(): Turn {
    return turnFromJson(this.#native.turn())
  }
}
