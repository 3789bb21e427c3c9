import { known } from './arguments.js'
import { call, valueOf } from './call.js'
import type { NativeClient, NativeOutcome } from './native.js'
import type { RequestOptions } from './options.js'
import { LIST, type ListParams, Page, type PageBody } from './page.js'
import { APIPromise, IterablePromise } from './promise.js'
import { type Part, partFromWire } from './parts.js'
import { type Message, type PromptPart, type Turn, turnFromJson } from './turn.js'
import type { MessageKind, Open } from './words.js'

/** A message of a chat, the user's or the agent's. */
export interface StoredMessage extends Omit<Message, 'kind' | 'parts'> {
  /** The author, if reported. */
  role?: Open<'user' | 'assistant'>
  /** Of the agent's messages. */
  kind?: MessageKind
  /** The user's as they were sent, the agent's as in a turn. */
  parts: (Part | PromptPart)[]
}

const fromWire = (part: Part | PromptPart) => partFromWire(part as Part)

/** The messages of a chat. */
export class Messages {
  readonly #native: NativeClient

  constructor(native: NativeClient) {
    this.#native = native
  }

  /** Lists the messages; only our own server supports it. The promise can be iterated, over all pages. */
  list(
    id: string,
    params: ListParams = {},
    options?: RequestOptions,
  ): IterablePromise<Page<StoredMessage>, StoredMessage> {
    const more = async (cursor: string) => this.list(id, { ...params, cursor }, options)
    const read = (done: NativeOutcome) => {
      const page = valueOf<PageBody<StoredMessage>>(done)
      for (const message of page.data) if (message.role !== 'user') message.parts = message.parts.map(fromWire)
      return new Page(page, more)
    }
    const args = () => ({ ...known('list', params, LIST), id })
    return new IterablePromise(call(this.#native, 'messages.list', args, options, read))
  }
}

/** The turns of a chat. */
export class Turns {
  readonly #native: NativeClient

  constructor(native: NativeClient) {
    this.#native = native
  }

  /** Retrieves a turn, running or ended; only our own server supports it. */
  retrieve(turnId: string, params: { id: string }, options?: RequestOptions): APIPromise<Turn> {
    const read = (done: NativeOutcome) => turnFromJson(done.value!)
    const args = () => ({ ...known('retrieve', params, { id: true }, 'retrieve(turnId, { id })'), turnId })
    return new APIPromise(call(this.#native, 'turns.retrieve', args, options, read))
  }
}
