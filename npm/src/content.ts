import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import { types } from 'node:util'
import { kindOf } from './arguments.js'

/** A piece of a file: text, which is sent as UTF-8, or bytes. */
export type ContentPiece = string | ArrayBufferView | ArrayBufferLike

/** The source of an upload. Sources in pieces are read while they are sent, and never held in memory as a whole. */
export type Content =
  | ContentPiece
  | Blob
  | NodeJS.ReadableStream
  | ReadableStream<ContentPiece>
  | Iterable<ContentPiece>
  | AsyncIterable<ContentPiece>

/** Pieces that are read one by one; reading may stop at any time. */
export interface Pieces {
  next(): Promise<ContentPiece | undefined>
  leave(): void
}

const LOOSE = /\p{Surrogate}/u
const FORMS = 'text, bytes, a Blob, a stream, or an iterable of text and bytes'

/** The bytes of what is whole. */
export function bytesOf(piece: unknown): Uint8Array | undefined {
  if (typeof piece === 'string') {
    if (LOOSE.test(piece)) throw new TypeError('content has a lone surrogate, half of a character; UTF-8 cannot encode it.')
    return Buffer.from(piece)
  }
  if (ArrayBuffer.isView(piece)) return view(() => new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength))
  return types.isAnyArrayBuffer(piece) ? view(() => new Uint8Array(piece)) : undefined
}

function view(make: () => Uint8Array): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = make()
  } catch {
    throw new TypeError('content is bytes that were transferred to another thread or owner; they are empty here.')
  }
  // Shared memory is copied first, because other threads may write to it.
  return types.isSharedArrayBuffer(bytes.buffer) ? Uint8Array.from(bytes) : bytes
}

/** The pieces of a source; a value that cannot be read is refused with its type. */
export function piecesOf(content: unknown): Pieces {
  const refused = (why: string) => new TypeError(`content takes ${FORMS}; this is ${why}.`)
  if (typeof content !== 'object' || content === null) throw refused(kindOf(content))
  const given = content as Partial<Blob & ReadableStream & NodeJS.ReadableStream & AsyncIterable<unknown> & Iterable<unknown>>
  // A Blob, a File.
  if (typeof given.stream === 'function' && typeof given.arrayBuffer === 'function') return webPieces(given.stream())
  if (typeof given.getReader === 'function') {
    if (given.locked) throw refused('a stream that somebody else reads')
    return webPieces(given as ReadableStream<unknown>)
  }
  if (isSpent(given)) throw refused('a stream that was read or destroyed before')
  // A Map, a FormData, the like: of pairs, not of pieces. An empty one would be written as an empty file.
  const { entries } = content as { entries?: unknown }
  const none = types.isSet(content) || (entries !== undefined && given[Symbol.iterator] === entries)
  const begin: unknown = none ? undefined : (given[Symbol.asyncIterator] ?? given[Symbol.iterator])
  if (typeof begin !== 'function') throw refused(kindOf(content))
  return iteratorPieces(begin.call(content) as Iterator<unknown> | AsyncIterator<unknown>, given)
}

/** Whether a stream of Node is exhausted. It would end at once, and an empty file would be written. */
function isSpent(given: object): boolean {
  const { readableEnded, destroyed } = given as { readableEnded?: boolean; destroyed?: boolean }
  return readableEnded === true || destroyed === true
}

function webPieces(stream: ReadableStream<unknown>): Pieces {
  const used = Readable.isDisturbed(stream as unknown as Readable)
  const reader = stream.getReader()
  let first = true
  return {
    async next() {
      const { done, value } = await reader.read()
      if (done && first && used) throw new TypeError('content is a stream that was read before.')
      first = false
      return done ? undefined : pieceOf(value)
    },
    leave: () => void reader.cancel().catch(() => {}),
  }
}

function iteratorPieces(iterator: Iterator<unknown> | AsyncIterator<unknown>, source: object): Pieces {
  let ended = false
  return {
    async next() {
      const { done, value } = await iterator.next()
      ended = done === true
      return ended ? undefined : pieceOf(await value)
    },
    leave() {
      if (ended) return
      // A stream's iterator would first wait for the piece that is under way.
      const { destroy } = source as { destroy?: unknown }
      if (typeof destroy === 'function') destroy.call(source)
      void (async () => iterator.return?.())().catch(() => {})
    },
  }
}

function pieceOf(piece: unknown): ContentPiece {
  if (typeof piece === 'string' || ArrayBuffer.isView(piece) || types.isAnyArrayBuffer(piece)) return piece as ContentPiece
  throw new TypeError(`A piece of content must be text or bytes; this one is ${kindOf(piece)}.`)
}
