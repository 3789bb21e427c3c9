import type { Names } from './arguments.js'

/** Which page of a list. */
export interface ListParams {
  /** How many on a page. */
  limit?: number
  /** Where the page begins: `nextCursor` of the one before. */
  cursor?: string
}

/** The names of a list's parameters. */
export const LIST: Names<ListParams> = { limit: true, cursor: true }

/** What a page is read from. */
export interface PageBody<T> {
  data: T[]
  nextCursor?: string
}

/** One page of a list. Iterating it goes on over all further pages. */
export class Page<T> implements AsyncIterable<T> {
  /** This page's items. */
  readonly data: T[]
  /** Where the next page begins; absent on the last one. */
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
