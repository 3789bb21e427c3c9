import { ReadableStream } from 'node:stream/web'
import { disposable } from './disposable.js'
import type { ErrorDetails } from './errors.js'
import { abortError, errorFrom } from './failure.js'
import { ready, wake } from './hub.js'
import type { NativeSource } from './native.js'
import { onAbortOf } from './signal.js'

/**
 * Reads batches and hands out what is in them. An iterator written by hand: a generator would queue `return()` behind
 * a `next()` that still waits. An error ends it: it is thrown once, after everything that came before it.
 */
export abstract class Reader<E> implements AsyncIterableIterator<E> {
  readonly #native: NativeSource
  readonly #signal: AbortSignal | undefined
  readonly #where: () => ErrorDetails
  #unlisten: () => void = () => {}
  #buffer: E[] = []
  /** The loop that reads now. */
  #reader: object = this
  #taking = false
  #stop: (() => void) | undefined
  #at = 0
  #tail: Promise<unknown> = Promise.resolve()
  #asked = 0
  #ended = false
  #failure: Error | undefined
  #told = false

  /** @param where what an error raised here says of the stream */
  protected constructor(native: NativeSource, signal: AbortSignal | null | undefined, where: () => ErrorDetails) {
    this.#native = native
    this.#where = where
    this.#signal = signal ?? undefined
    // Only once the object is whole.
    if (this.#signal?.aborted) void Promise.resolve().then(() => this.#abort())
    else this.#unlisten = onAbortOf(this, this.#signal, Reader.#aborted)
  }

  protected abstract decode(json: string): E[]

  /** The result of a handler, which is no longer waited for once the stream has ended, was closed or aborted. */
  protected async given<T>(handler: () => T | PromiseLike<T>): Promise<T> {
    const stopped = new Promise<undefined>((resolve) => {
      this.#stop = () => resolve(undefined)
      if (this.#ended) resolve(undefined)
    })
    const value = await Promise.race([Promise.resolve(handler()).then((value) => ({ value })), stopped])
    if (value === undefined) throw this.#failure ?? abortError(undefined, this.#where())
    return value.value
  }

  /** Called with each delivered event. */
  protected abstract handed(event: E): void

  /** Called with the number of the last event that was delivered in another form. */
  protected abstract handedUpTo(number: number | null): void

  /** Whether requests of events are answered before the events are delivered. */
  protected get attends(): boolean {
    return false
  }

  /** Calls the handler for the request of an event. */
  protected async attend(_event: E): Promise<void> {}

  /** Calls the handlers for the requests of events; if one fails, the next read returns all of the events again. */
  protected async attendAll(events: readonly E[]): Promise<void> {
    if (!this.attends) return
    this.#taking = true
    try {
      for (const event of events) await this.attend(event)
    } catch (error) {
      if (!this.#ended) this.#buffer = [...events, ...this.takeLeft()]
      throw error
    } finally {
      this.#taking = false
    }
  }

  /** Called after each read. */
  protected polled(): void {}

  /** The error that ended it, if any. */
  protected get failure(): Error | undefined {
    return this.#failure
  }

  /** Closes the socket at once. Unread events are dropped, and a waiting `next()` ends. */
  close(): void {
    this.#end(undefined)
  }

  next(): Promise<IteratorResult<E, undefined>> {
    return this.#next(undefined)
  }

  #next(reader: object | undefined): Promise<IteratorResult<E, undefined>> {
    try {
      if (reader !== undefined) this.#check(reader)
    } catch (error) {
      return Promise.reject(error)
    }
    // Events that are requested at the same time are delivered in order.
    const event = this.#asked === 0 && !this.attends ? this.#buffered() : undefined
    if (event !== undefined) return Promise.resolve(event)
    this.#asked += 1
    const next = this.#tail.then(this.#read)
    const told = () => {
      this.#asked -= 1
    }
    this.#tail = next.then(told, told)
    return next
  }

  return(): Promise<IteratorResult<E, undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  throw(error: unknown): Promise<IteratorResult<E, undefined>> {
    this.close()
    return Promise.reject(error)
  }

  /** One loop over the stream; leaving it closes the stream. */
  [Symbol.asyncIterator](): AsyncIterableIterator<E> {
    const reader = {}
    let begun = false
    return {
      next: () => {
        if (begun) return this.#next(reader)
        try {
          this.begin(reader)
        } catch (error) {
          return Promise.reject(error)
        }
        begun = true
        return this.#next(undefined)
      },
      return: () => this.return(),
      throw: (error: unknown) => this.throw(error),
      [Symbol.asyncIterator]() {
        return this
      },
    } as AsyncIterableIterator<E>
  }

  /** A new reader continues where the last one stopped, unless that one waits. */
  protected begin(reader: object): void {
    this.#alone(this.#asked > 0)
    this.#reader = reader
  }

  /** Refuses a reader while another one waits. */
  #alone(asked: boolean): void {
    if (asked || this.#taking) throw new Error('Two readers wait on one stream; read it in one and pass the events on.')
  }

  /** Refuses a reader that was replaced by another, because it would see a stream with holes. */
  #check(reader: object): void {
    if (reader !== this.#reader) {
      throw new Error('Another loop has gone on with this stream; read it in one place and pass the events on.')
    }
  }

  /** Readers of batches, of frames and of text: `take` for one of them. */
  protected reading<B>(take: () => Promise<B>): () => Promise<B> {
    const reader = {}
    let begun = false
    return async () => {
      if (begun) this.#check(reader)
      else this.begin(reader)
      begun = true
      return take()
    }
  }

  /**
   * The events as an event stream (`text/event-stream`), to be passed on: `id:` where they have numbers, `event:`,
   * `data:`. It is written anew from the events, so that a broken connection does not show in it; heartbeats are left
   * out. Each event is delivered once: here, or by the iterator.
   */
  toReadableStream(): ReadableStream<Uint8Array> {
    const take = this.reading(() => {
      this.putBack()
      return this.take(() => this.#native.pollFrames())
    })
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const frames = await take()
          if (frames === undefined) {
            controller.close()
            return
          }
          this.handedUpTo(this.#native.lastPolled())
          controller.enqueue(frames)
        },
        cancel: () => this.close(),
      },
      // Nothing is read before it is requested.
      { highWaterMark: 0 },
    )
  }

  /** The next batch, in the form that `poll` returns; nothing at the end. */
  protected async take<B>(poll: () => B | null | undefined): Promise<B | undefined> {
    this.#alone(false)
    this.#taking = true
    try {
      return await this.#take(poll)
    } finally {
      this.#taking = false
    }
  }

  /** Puts back events that were decoded but not delivered, for a reader in another form. */
  protected putBack(): void {
    const left = this.takeLeft().length
    if (left > 0) this.#native.putBack(left)
  }

  async #take<B>(poll: () => B | null | undefined): Promise<B | undefined> {
    while (!this.#ended) {
      const batch = poll()
      this.polled()
      if (batch === undefined) {
        await ready(this.#native.id)
      } else if (batch !== null) {
        return batch
      } else {
        const failure = this.#native.failure()
        this.#end(failure === null ? undefined : errorFrom(failure))
      }
    }
    if (this.#failure !== undefined && !this.#told) {
      this.#told = true
      throw this.#failure
    }
    return undefined
  }

  /** The events that are ready, or the next ones; nothing at the end. */
  protected async takeEvents(poll = () => this.#native.poll()): Promise<E[] | undefined> {
    const left = this.takeLeft()
    if (left.length > 0) return left
    const json = await this.take(poll)
    return json === undefined ? undefined : this.decode(json)
  }

  /** The events of a batch that was begun. */
  protected takeLeft(): E[] {
    const left = this.#buffer.slice(this.#at)
    this.#buffer = []
    this.#at = 0
    return left
  }

  #buffered(): IteratorResult<E, undefined> | undefined {
    if (this.#at >= this.#buffer.length) return undefined
    const value = this.#buffer[this.#at++] as E
    this.handed(value)
    return { done: false, value }
  }

  readonly #read = async (): Promise<IteratorResult<E, undefined>> => {
    for (;;) {
      // Delivered only once its handler has answered. If the handler failed, the next read returns the event again.
      const met = this.#buffer[this.#at]
      if (met !== undefined && this.attends) await this.attend(met)
      const event = this.#buffer[this.#at] === met ? this.#buffered() : undefined
      if (event !== undefined) return event
      if (this.#at < this.#buffer.length) continue
      const batch = await this.takeEvents()
      if (batch === undefined) return { done: true, value: undefined }
      this.#buffer = batch
      this.#at = 0
    }
  }

  // Not made in the constructor, whose other functions hold the stream that this one must not.
  static readonly #aborted = (reader: Reader<unknown>): void => reader.#abort()

  #abort(): void {
    this.#end(abortError(this.#signal?.reason, this.#where()))
  }

  #end(failure: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    this.#buffer = []
    this.#at = 0
    this.#unlisten()
    this.#native.close()
    wake(this.#native.id)
    this.#stop?.()
  }
}

// Beside the class: a platform may have no such symbols.
export interface Reader<E> {
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}
disposable(Reader.prototype)

/** An iterator of the results of `take` until it returns nothing; leaving it calls `close`. */
export function iterate<B>(take: () => Promise<B | undefined>, close: () => void): AsyncIterableIterator<B> {
  return {
    async next() {
      const value = await take()
      return value === undefined ? { done: true, value: undefined } : { done: false, value }
    },
    return() {
      close()
      return Promise.resolve({ done: true, value: undefined })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
