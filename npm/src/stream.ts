import { kindOf, known } from './arguments.js'
import { perform, valueOf } from './call.js'
import { eventsFromJson, textDelta, type TurnEvent } from './events.js'
import { errorFrom } from './failure.js'
import { LazyBatch } from './lazy.js'
import type { Cancelled } from './models.js'
import type { NativeTurn } from './native.js'
import { type Answers, checkedAnswers, type StreamHandlers, type StreamState } from './prompt.js'
import { iterate, Reader } from './reader.js'
import type { Permission, PermissionReply, Question } from './requests.js'
import { tell } from './tell.js'
import { type Turn, turnFromJson } from './turn.js'

/**
 * Cancels the turn of a caller that has failed, where closing is to cancel it.
 *
 * @internal
 */
export let abandon: (stream: TurnStream) => Promise<void>

/**
 * A running turn: an iterator of its events and a handle to control it. Leaving the loop closes the socket at once; the
 * turn continues, unless `cancelOnClose` is set.
 */
export class TurnStream extends Reader<TurnEvent> {
  readonly #native: NativeTurn
  readonly #handlers: StreamHandlers
  #lastSeq = 0

  static {
    abandon = async (stream) => void (await perform(stream.#native.abandon()))
  }

  /** The service's `x-request-id` of the answer that opened the stream. */
  readonly requestId: string | undefined

  constructor(
    native: NativeTurn,
    requestId: string | undefined,
    signal: AbortSignal | null | undefined,
    handlers: StreamHandlers = {},
  ) {
    super(native, signal, () => {
      const turn = this.snapshot
      const cursor = this.cursor
      return cursor === undefined ? { turn: () => turn } : { turn: () => turn, cursor }
    })
    this.#native = native
    this.#handlers = handlers
    this.requestId = requestId
  }

  /** The chat. */
  get chatId(): string {
    return this.#native.chatId
  }

  /** The turn; empty until the service has sent its id. */
  get turnId(): string {
    return this.#native.turnId
  }

  /** The turn so far, with everything that has arrived; a new object each time. */
  get snapshot(): Turn {
    return turnFromJson(this.#native.snapshot())
  }

  /** The position after the last delivered event (`client.chat.resume`); an opaque string that can be stored. */
  get cursor(): string | undefined {
    return this.#native.cursor(this.#lastSeq) ?? undefined
  }

  /** The text of the answer as it arrives, with an empty line between two parts. It ends like `result()`. */
  get textStream(): AsyncIterableIterator<string> {
    let part: string | undefined
    const take = this.reading(async () => {
      for (let events = await this.#attended(); events !== undefined; events = await this.#attended()) {
        let text = ''
        for (const event of events) {
          const delta = textDelta(event)
          if (!delta || event.type !== 'message.part.updated') continue
          text += part === undefined || part === event.partId ? delta : `\n\n${delta}`
          part = event.partId
        }
        if (text !== '') return text
      }
      await this.result()
      return undefined
    })
    return iterate(take, () => this.close())
  }

  /**
   * The turn once it has ended. It consumes no event: a loop before, beside or after it gets all of them.
   *
   * @throws {@link TurnFailedError} if the turn failed or was interrupted
   * @throws {@link InputRequiredError} if the agent waits for an answer; answer, and call it again
   */
  async result(): Promise<Turn> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure
      const met = valueOf<Question | Permission | StreamState[] | undefined>(await perform(this.#native.attend()))
      if (met === undefined) break
      if (Array.isArray(met)) this.#tell(met)
      else await this.#answer(met)
    }
    if (this.failure !== undefined) throw this.failure
    const turn = this.#native.outcome()
    if (typeof turn !== 'string') throw errorFrom(turn)
    return turnFromJson(turn)
  }

  /** The events in batches, which avoids a promise for each; with `lazy` they are not even parsed. */
  batches(options: { lazy: true }): AsyncIterableIterator<LazyBatch>
  batches(options?: { lazy?: false }): AsyncIterableIterator<TurnEvent[]>
  batches(options: { lazy?: boolean } = {}): AsyncIterableIterator<TurnEvent[] | LazyBatch> {
    const { lazy = false } = known('batches', options, { lazy: true })
    if (typeof lazy !== 'boolean') throw new TypeError(`lazy must be true or false, not ${kindOf(lazy)}.`)
    const take = this.reading(() => this.#all())
    const takeLazy = this.reading(async () => {
      this.putBack()
      const native = await this.take(() => this.#native.pollLazy())
      const last = this.#native.lastPolled()
      const batch = native && new LazyBatch(native)
      if (batch !== undefined && this.attends) await this.attendAll(batch.events())
      this.handedUpTo(last)
      return batch
    })
    return iterate<TurnEvent[] | LazyBatch>(lazy ? takeLazy : take, () => this.close())
  }

  /** Answers a question of this turn: one list of labels, or of free text, for each. */
  async answer(question: Question | string, answers: Answers): Promise<void> {
    await perform(this.#native.answer(idOf(question), checkedAnswers(answers)))
  }

  /** Refuses a question of this turn. */
  async reject(question: Question | string): Promise<void> {
    await perform(this.#native.reject(idOf(question)))
  }

  /** Replies to a permission of this turn; a refusal may have a message for the agent. */
  async allow(permission: Permission | string, reply: PermissionReply = 'once', message?: string): Promise<void> {
    if (message !== undefined && typeof message !== 'string') {
      throw new TypeError(`message must be a string, not ${kindOf(message)}.`)
    }
    await perform(this.#native.allow(idOf(permission), String(reply), message))
  }

  /** Cancels this turn, and at our own server no other. The stream continues to its end. */
  async cancel(): Promise<Cancelled> {
    return valueOf(await perform(this.#native.cancel()))
  }

  protected override polled(): void {
    if (this.#handlers.onState !== undefined) this.#tell(JSON.parse(this.#native.states()) as StreamState[])
  }

  #tell(states: StreamState[]): void {
    const { onState } = this.#handlers
    if (onState === undefined) return
    for (const state of states) tell('onState', onState, state)
  }

  protected override get attends(): boolean {
    return typeof this.#handlers.onQuestion === 'function' || typeof this.#handlers.onPermission === 'function'
  }

  /** Calls the handler for the request of an event, if it has one and there is a handler. */
  protected override async attend(event: TurnEvent): Promise<void> {
    if (!this.attends || event.type !== 'turn.status') return
    const { onQuestion, onPermission } = this.#handlers
    const { question, permission } = event
    if (question && typeof onQuestion === 'function' && this.#native.claim(question.requestId)) {
      await this.#answer({ ...question, kind: 'question' })
    }
    if (permission && typeof onPermission === 'function' && this.#native.claim(permission.requestId)) {
      await this.#answer({ ...permission, kind: 'permission' })
    }
  }

  async #answer(request: Question | Permission): Promise<void> {
    const { onQuestion, onPermission } = this.#handlers
    try {
      if (request.kind === 'question' && typeof onQuestion === 'function') {
        const answers = await this.given(() => onQuestion(request))
        await (answers === undefined ? this.reject(request) : this.answer(request, answers))
      } else if (request.kind === 'permission' && typeof onPermission === 'function') {
        await this.allow(request, (await this.given(() => onPermission(request))) as PermissionReply)
      }
    } catch (error) {
      this.#native.retract(request.requestId)
      throw error
    }
  }

  protected handedUpTo(number: number | null): void {
    if (number) this.#lastSeq = number
  }

  protected decode(json: string): TurnEvent[] {
    return eventsFromJson(json)
  }

  protected handed(event: TurnEvent): void {
    if (event.seq) this.#lastSeq = event.seq
  }

  /** The next events, all of which count as delivered. */
  async #all(poll?: () => string | null | undefined): Promise<TurnEvent[] | undefined> {
    const events = await this.takeEvents(poll)
    await this.attendAll(events ?? [])
    for (const event of events ?? []) this.handed(event)
    return events
  }

  /** Events for a reader that waits for the end: if the agent waits for an answer, that is an error. */
  #attended(): Promise<TurnEvent[] | undefined> {
    return this.#all(() => {
      const batch = this.#native.poll()
      const required = batch === undefined ? this.#native.inputRequired() : null
      if (required !== null) throw errorFrom(required)
      return batch
    })
  }
}

function idOf(request: Question | Permission | string): string {
  const id = typeof request === 'string' ? request : request?.requestId
  if (typeof id !== 'string') throw new TypeError('Give the question or permission that is meant, or its requestId.')
  return id
}
