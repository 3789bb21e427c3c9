import type { Chats } from './chat.js'
import { errorFrom } from './failure.js'
import { eventsFromJson, textDelta, type TurnEvent } from './events.js'
import { LazyBatch } from './lazy.js'
import type { Cancelled } from './models.js'
import type { NativeTurn } from './native.js'
import type { APIPromise } from './promise.js'
import type { Answers } from './prompt.js'
import { iterate, Reader } from './reader.js'
import type { Permission, PermissionReply, Question } from './requests.js'
import { type Turn, turnFromJson } from './turn.js'

/**
 * A turn as it runs: iterator of its events, and handle on it. Leaving the loop closes the socket at once; the turn
 * itself goes on, but for `cancelOnClose`.
 */
export class TurnStream extends Reader<TurnEvent> {
  readonly #native: NativeTurn
  readonly #chats: Chats
  #lastSeq = 0
  #turn: Promise<Turn> | undefined

  constructor(native: NativeTurn, chats: Chats, signal: AbortSignal | null | undefined) {
    super(native, signal, () => {
      const turn = this.snapshot
      const cursor = this.cursor
      return cursor === undefined ? { turn: () => turn } : { turn: () => turn, cursor }
    })
    this.#native = native
    this.#chats = chats
  }

  /** The chat. */
  get chatId(): string {
    return this.#native.chatId
  }

  /** The turn; empty where the service has not told it yet. */
  get turnId(): string {
    return this.#native.turnId
  }

  /** The turn so far, with all that has come over the connection; a fresh object each time. */
  get snapshot(): Turn {
    return turnFromJson(this.#native.snapshot())
  }

  /** Where to go on after the last event that was handed out (`client.chat.resume`); opaque, fit to be stored. */
  get cursor(): string | undefined {
    return this.#native.cursor(this.#lastSeq) ?? undefined
  }

  /** The text of the answer as it is written, an empty line between two parts. It ends as `result()` does. */
  get textStream(): AsyncIterableIterator<string> {
    return this.#text()
  }

  /**
   * The turn once it has ended. Events not read yet are read away.
   *
   * @throws {@link TurnFailedError} for a turn that failed or was interrupted
   * @throws {@link InputRequiredError} where the agent asks and nobody is there to answer
   */
  result(): Promise<Turn> {
    return (this.#turn ??= this.#result())
  }

  /** The events as they come together, which spares a promise for each; lazily, they are not even parsed. */
  batches(options: { lazy: true }): AsyncIterableIterator<LazyBatch>
  batches(options?: { lazy?: false }): AsyncIterableIterator<TurnEvent[]>
  batches(options?: { lazy?: boolean }): AsyncIterableIterator<TurnEvent[] | LazyBatch> {
    const next = options?.lazy ? () => this.#takeLazy() : () => this.takeEvents()
    return iterate<TurnEvent[] | LazyBatch>(next, () => this.close())
  }

  /** Says who answers what the agent asks, so that `result()` waits for it. */
  expect(others: { questions: boolean; permissions: boolean }): void {
    this.#native.expect(others.questions, others.permissions)
  }

  /** Answers a question of this turn: one list of labels, or of free text, for each. */
  answer(question: Question | string, answers: Answers): APIPromise<void> {
    return this.#chats.replyToQuestion(this.#handle(question), { id: this.chatId, answers })
  }

  /** Refuses a question of this turn. */
  reject(question: Question | string): APIPromise<void> {
    return this.#chats.rejectQuestion(this.#handle(question), { id: this.chatId })
  }

  /** Replies to a permission of this turn. */
  allow(permission: Permission | string, reply: PermissionReply = 'once'): APIPromise<void> {
    return this.#chats.replyToPermission(this.#handle(permission), { id: this.chatId, reply })
  }

  /** Cancels this turn, and no other. The stream goes on to its end. */
  cancel(): APIPromise<Cancelled> {
    return this.#chats.cancel(this.chatId, { turnId: this.turnId })
  }

  protected decode(json: string): TurnEvent[] {
    return eventsFromJson(json)
  }

  protected handed(event: TurnEvent): void {
    if (event.seq !== undefined) this.#lastSeq = event.seq
  }

  #handle(request: Question | Permission | string): string {
    const requestId = typeof request === 'string' ? request : request.requestId
    this.#native.handle(requestId)
    return requestId
  }

  async #takeLazy(): Promise<LazyBatch | undefined> {
    const batch = await this.take(() => this.#native.pollLazy())
    return batch && new LazyBatch(batch)
  }

  async #result(): Promise<Turn> {
    for (;;) {
      const required = this.#native.inputRequired()
      if (required !== null) {
        this.close()
        throw errorFrom(required)
      }
      if ((await this.takeEvents()) === undefined) break
    }
    if (this.failure !== undefined) throw this.failure
    const failed = this.#native.resultFailure()
    if (failed !== null) throw errorFrom(failed)
    return this.snapshot
  }

  async *#text(): AsyncGenerator<string, void, undefined> {
    let part: string | undefined
    for await (const event of this) {
      const delta = textDelta(event)
      if (delta === undefined || event.type !== 'message.part.updated') continue
      yield part === undefined || part === event.partId ? delta : `\n\n${delta}`
      part = event.partId
    }
    await this.result()
  }
}
