import { known, type Names } from './arguments.js'
import { call, requestIdOf, valueOf } from './call.js'
import type { TurnEvent } from './events.js'
import { Files } from './files.js'
import type { NativeClient, NativeOutcome } from './native.js'
import { type Cancelled, type Chat, type EndedChat, StreamToken } from './models.js'
import type { RequestOptions } from './options.js'
import { Messages, Turns } from './history.js'
import { LIST, type ListParams, Page, type PageBody } from './page.js'
import { APIPromise, IterablePromise } from './promise.js'
import { type Answers, checkedAnswers, promptJson, type RespondParams, type SendMessageParams, type StreamHandlers } from './prompt.js'
import { type RelayItem, RelayStream } from './relay.js'
import type { PermissionReply } from './requests.js'
import { send } from './send.js'
import { TurnStream } from './stream.js'
import type { Turn } from './turn.js'

/** The parameters of a new chat. */
export interface NewChat {
  title?: string
  /** `provider/model`. */
  model?: string
  /** The time without use after which the runtime is stopped: 1 min to 24 h, 15 min by default. */
  idleTimeoutMs?: number
  vaultIds?: string[]
  /** Instructions for the agent, before the first prompt. */
  instructions?: string
}

const NEW_CHAT: Names<NewChat> = {
  title: true,
  model: true,
  idleTimeoutMs: true,
  vaultIds: true,
  instructions: true,
}

/** The operations on chats. */
export class Chats {
  readonly files: Files
  readonly messages: Messages
  readonly turns: Turns
  readonly #native: NativeClient

  constructor(native: NativeClient) {
    this.#native = native
    this.files = new Files(native)
    this.messages = new Messages(native)
    this.turns = new Turns(native)
  }

  /** Creates a chat. */
  create(params: NewChat = {}, options?: RequestOptions): APIPromise<Chat> {
    return this.#call('create', () => ({ ...known('create', params, NEW_CHAT) }), options)
  }

  /** Ends a chat and its runtime; repeating it returns the same figures. */
  delete(id: string, options?: RequestOptions): APIPromise<EndedChat> {
    return this.#call('delete', () => ({ id }), options)
  }

  /** Cancels the running turn, or, at our own server, only `turnId`. */
  cancel(id: string, params: { turnId?: string } = {}, options?: RequestOptions): APIPromise<Cancelled> {
    return this.#call('cancel', () => ({ ...known('cancel', params, { turnId: true }), id }), options)
  }

  /** Creates a short-lived token to read this chat's relay, for example in a browser. */
  createStreamToken(id: string, options?: RequestOptions): APIPromise<StreamToken> {
    return this.#call('createStreamToken', () => ({ id }), options, (done) => new StreamToken(valueOf(done)))
  }

  /** Answers a question: one list of labels, or of free text, for each. */
  replyToQuestion(
    requestId: string,
    params: { id: string; answers: Answers },
    options?: RequestOptions,
  ): APIPromise<void> {
    const args = () => {
      const { id, answers } = known('replyToQuestion', params, { id: true, answers: true })
      return { id, answers: checkedAnswers(answers), requestId }
    }
    return this.#call('replyToQuestion', args, options)
  }

  /** Refuses a question. */
  rejectQuestion(requestId: string, params: { id: string }, options?: RequestOptions): APIPromise<void> {
    const args = () => ({ ...known('rejectQuestion', params, { id: true }), requestId })
    return this.#call('rejectQuestion', args, options)
  }

  /** Replies to a permission. */
  replyToPermission(
    requestId: string,
    params: { id: string; reply: PermissionReply; message?: string },
    options?: RequestOptions,
  ): APIPromise<void> {
    const names = { id: true, reply: true, message: true } as const
    const args = () => ({ ...known('replyToPermission', params, names), requestId })
    return this.#call('replyToPermission', args, options)
  }

  /** Starts a turn and streams it. The promise can be iterated as the stream can. */
  respond(
    id: string,
    prompt: string | RespondParams,
    options?: RequestOptions,
  ): IterablePromise<TurnStream, TurnEvent> {
    const handlers = typeof prompt === 'object' ? prompt : undefined
    return this.#stream('respond', () => ({ ...promptJson(prompt), id }), options, handlers ?? undefined)
  }

  /** Resumes a turn from the `cursor` of a stream or an error. */
  resume(cursor: string, options?: RequestOptions): IterablePromise<TurnStream, TurnEvent> {
    return this.#stream('resume', () => ({ cursor }), options)
  }

  /** Streams the turn that runs, or `turnId`, from its first event; nothing where none runs. */
  attach(id: string, params: { turnId?: string } = {}, options?: RequestOptions): APIPromise<TurnStream | undefined> {
    const read = (done: NativeOutcome) => turnStream(done, options)
    const args = () => ({ ...known('attach', params, { turnId: true }), id })
    return new APIPromise(call(this.#native, 'attach', args, options, read))
  }

  /** Starts a turn and waits for its end. One that fails or is aborted cancels its turn, but for `cancelOnClose: false`. */
  sendMessage(id: string, prompt: string | SendMessageParams, options?: RequestOptions): APIPromise<Turn> {
    return new APIPromise(send((given) => this.respond(id, given, options), prompt))
  }

  /** The relay: every event of the chat's runtime, live, or from `lastEventId` on. */
  stream(
    id: string,
    params: { token?: string; lastEventId?: number } = {},
    options?: RequestOptions,
  ): IterablePromise<RelayStream, RelayItem> {
    const args = () => ({ ...known('stream', params, { token: true, lastEventId: true }), id })
    const read = (done: NativeOutcome) => new RelayStream(done.relay!, requestIdOf(done), options?.signal)
    return new IterablePromise(call(this.#native, 'stream', args, options, read))
  }

  /** Retrieves a chat; only our own server supports it. */
  retrieve(id: string, options?: RequestOptions): APIPromise<Chat> {
    return this.#call('retrieve', () => ({ id }), options)
  }

  /** Changes a chat; only our own server supports it. */
  update(id: string, params: { title?: string }, options?: RequestOptions): APIPromise<Chat> {
    return this.#call('update', () => ({ ...known('update', params, { title: true }), id }), options)
  }

  /** Lists the chats, newest first; only our own server supports it. The promise can be iterated, over all pages. */
  list(params: ListParams & { status?: string } = {}, options?: RequestOptions): IterablePromise<Page<Chat>, Chat> {
    const more = async (cursor: string) => this.list({ ...params, cursor }, options)
    const read = (done: NativeOutcome) => new Page(valueOf<PageBody<Chat>>(done), more)
    const args = () => ({ ...known('list', params, { ...LIST, status: true }) })
    return new IterablePromise(call(this.#native, 'list', args, options, read))
  }

  #call<T>(
    operation: string,
    args: () => Record<string, unknown>,
    options?: RequestOptions,
    read: (done: NativeOutcome) => T = valueOf<T>,
  ): APIPromise<T> {
    return new APIPromise(call(this.#native, operation, args, options, read))
  }

  #stream(
    operation: string,
    args: () => Record<string, unknown>,
    options?: RequestOptions,
    handlers?: StreamHandlers,
  ): IterablePromise<TurnStream, TurnEvent> {
    const open = async () =>
      call(this.#native, operation, args, options, (done) => turnStream(done, options, handlers)!)
    return new IterablePromise(open())
  }

}

function turnStream(
  done: NativeOutcome,
  options?: RequestOptions,
  handlers?: StreamHandlers,
): TurnStream | undefined {
  return done.turn && new TurnStream(done.turn, requestIdOf(done), options?.signal, handlers)
}
