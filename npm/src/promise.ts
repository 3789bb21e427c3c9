import { Reader } from './reader.js'

/** An answer: its value, and its response. */
export interface Answer<T> {
  value: T
  response: Response
}

/**
 * The result of a call. The request is on its way once it is made; the promise settles with the answer's value, or,
 * for streams, on the answer's headers.
 */
export class APIPromise<T> extends Promise<T> {
  readonly #answer: Promise<Answer<T>>

  constructor(answer: Promise<Answer<T>>) {
    // The value is parsed in `then`, so that a caller who only uses the response causes no unhandled rejection.
    super((resolve) => {
      resolve(undefined as T)
    })
    this.#answer = answer
  }

  /**
   * The response alone. The body of a call is whole in it; that of a stream is its
   * {@link TurnStream.toReadableStream | events as they come}, fit to be passed on.
   */
  asResponse(): Promise<Response> {
    return this.#answer.then((answer) => {
      const { value } = answer
      if (value instanceof Response) return value
      if (!(value instanceof Reader)) return answer.response
      const { status, headers } = answer.response
      // An ended relay has no body at all.
      return new Response(status === 204 ? null : value.toReadableStream(), { status, headers })
    })
  }

  /** The value, the response, and the service's id of the request. A stream's events are in the value alone. */
  async withResponse(): Promise<{ data: T; response: Response; requestId: string | null }> {
    const { value, response } = await this.#answer
    return { data: value, response, requestId: response.headers.get('x-request-id') }
  }

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#answer.then((answer) => answer.value).then(onFulfilled, onRejected)
  }

  override catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, onRejected)
  }

  override finally(onFinally?: (() => void) | null): Promise<T> {
    return this.then().finally(onFinally)
  }

  // `then` returns a plain promise.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }
}

/** A promise of something that can be iterated, which can itself be iterated. */
export class IterablePromise<T extends AsyncIterable<E>, E> extends APIPromise<T> implements AsyncIterable<E> {
  [Symbol.asyncIterator](): AsyncIterator<E> {
    let opened: Promise<AsyncIterator<E>> | undefined
    const iterator = () => (opened ??= this.then((value) => value[Symbol.asyncIterator]()))
    return {
      next: async () => (await iterator()).next(),
      return: async () => {
        await (await iterator()).return?.()
        return { done: true, value: undefined }
      },
    }
  }
}
