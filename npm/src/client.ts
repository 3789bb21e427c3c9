import { inspect } from 'node:util'
import { kindOf } from './arguments.js'
import { Chats } from './chat.js'
import { disposable } from './disposable.js'
import { errorFrom } from './failure.js'
import { hub } from './hub.js'
import { native, type NativeClient, type NativeFailure } from './native.js'
import { callOptionsJson, type CallOptions, type ClientOptions, CLIENT, clientOptionsJson } from './options.js'

/**
 * A client of a chat service: the `turnwire serve` of this machine, or the one that `TURNWIRE_BASE_URL` and
 * `TURNWIRE_API_KEY` name.
 *
 * ```ts
 * const client = new Turnwire()
 * const chat = await client.chat.create({ title: 'Review' })
 * for await (const event of client.chat.respond(chat.id, 'List the open points.')) {
 *   process.stdout.write(textDelta(event) ?? '')
 * }
 * ```
 */
export class Turnwire {
  /** The operations. */
  readonly chat: Chats
  /** The same operations, under the path of the hosted service's clients. */
  readonly agent: { readonly v2: { readonly chat: Chats } }
  readonly #native: NativeClient

  /** @throws TypeError for an invalid address, proxy or certificate. */
  constructor(options: ClientOptions = {}) {
    const made = options instanceof Made ? options.client : native.openClient(hub, clientOptionsJson(options))
    if ('class' in made) throw errorFrom(made)
    for (const warning of made.warnings) process.emitWarning(warning, 'TurnwireWarning')
    this.#native = made
    this.chat = new Chats(made)
    this.agent = Object.freeze({ v2: Object.freeze({ chat: this.chat }) })
  }

  /** The service's address. */
  get baseURL(): string {
    return this.#native.baseUrl
  }

  /** Uses another key from now on, in every client on the same connections. */
  set apiKey(key: string) {
    if (typeof key !== 'string') throw new TypeError(`apiKey must be a string, not ${kindOf(key)}.`)
    const failure = this.#native.setApiKey(key)
    if (failure !== null) throw errorFrom(failure)
  }

  /** Whether `close()` was called. */
  get isClosed(): boolean {
    return this.#native.isClosed
  }

  /**
   * Closes all connections, of this client and of those derived from it by `withOptions`. Running calls and streams end with
   * `APIUserAbortError`, and so does every later call. `using client = new Turnwire()` closes it at the end of its scope.
   */
  close(): void {
    this.#native.close()
  }

  /** This client with other options for every call; they share their connections. */
  withOptions(options: CallOptions): Turnwire {
    return new Turnwire(new Made(this.#native.withOptions(callOptionsJson(options))) as ClientOptions)
  }

  // The key stays in core, which does not reveal it.
  [inspect.custom](): string {
    return `Turnwire { baseURL: '${this.baseURL}' }`
  }
}

// Beside the class: a platform may have no such symbols.
export interface Turnwire {
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}
disposable(Turnwire.prototype)

// Assigning other properties would have no effect, so it is refused.
for (const name of Object.keys(CLIENT)) {
  if (name === 'apiKey') continue
  const former = Object.getOwnPropertyDescriptor(Turnwire.prototype, name)
  const set = () => {
    throw new TypeError(`${name} is set when a client is made: new Turnwire({ ${name} }).`)
  }
  Object.defineProperty(Turnwire.prototype, name, { ...former, set, configurable: true })
}

/** An existing native client, in place of options. */
class Made {
  readonly client: NativeClient | NativeFailure

  constructor(client: Made['client']) {
    this.client = client
  }
}
