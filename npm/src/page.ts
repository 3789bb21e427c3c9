import type { Names } from './arguments.js'

/** Which page of a list. */
export interface ListParams {
  /** The number of items per page. */
  limit?: number
  /** The cursor of the page: `nextCursor` of the previous one. */
  cursor?: string
}

/** The names of a list's parameters. */
export const LIST: Names<ListParams> = { limit: true, cursor: true }

/** The JSON of a page. */
export interface PageBody<T> {
  data: T[]
  nextCursor?: string
}

/** One page of a list. Iterating it continues over all further pages. */
export class Page<T> implements AsyncIterable<T> {
  /** This page's items. */
  readonly data: T[]
  /** The cursor of the next page; absent on the last one. */
  readonly nextCursor: string | undefined
  readonly #more: (cursor: string) => Promise<Page<T>>

  constructor(body: PageBody<T>, more: (cursor: string) => Promise<Page<T>>) {
    this.data = body.data
    this.nextCursor = body.nextCursor
    this.#more = more
  }

  /** Whether there is another page. */
  hasNextPage(): boolean {
    return this.nextCursor !== undefined
  }

  /** The next page; nothing after the last one. */
  async getNextPage(): Promise<Page<T> | undefined> {
    return this.nextCursor === undefined ? undefined : this.#more(this.nextCursor)
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (let page: Page<T> | undefined = this; page !== undefined; page = await page.getNextPage()) yield* page.data
  }
}
