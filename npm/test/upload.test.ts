import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { APIConnectionError, APIError, APIUserAbortError, type Content, NotFoundError, Turnwire } from 'turnwire'
import { KEY, practice, start, TESTKIT } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create()).id
const any = <T>(value: unknown) => value as T
type Upload = typeof service.client.chat.files.upload
const files = { upload: (...args: Parameters<Upload>) => service.client.chat.files.upload(...args) }

const TEXT = 'Grüße, 世界 😀\n'.repeat(5000)
const BYTES = new TextEncoder().encode(TEXT)

function shared(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(BYTES.length)
  new Uint8Array(buffer).set(BYTES)
  return buffer
}

function* cut(size = 1000): Generator<Uint8Array> {
  for (let at = 0; at < BYTES.length; at += size) yield BYTES.subarray(at, at + size)
}

async function* slowly(): AsyncGenerator<Uint8Array | string> {
  for (const piece of cut(70_000)) {
    await new Promise((resolve) => setImmediate(resolve))
    yield piece
  }
}

const FORMS: Record<string, () => Content> = {
  'a string': () => TEXT,
  'a Buffer': () => Buffer.from(BYTES),
  'a Uint8Array of a part': () => new Uint8Array([0, ...BYTES, 0]).subarray(1, -1),
  'a DataView': () => new DataView(BYTES.buffer, BYTES.byteOffset, BYTES.byteLength),
  'another view': () => new Int8Array(BYTES),
  'an ArrayBuffer': () => BYTES.slice().buffer,
  'a SharedArrayBuffer': shared,
  'a view of a SharedArrayBuffer': () => new Uint8Array(shared()),
  'a Blob': () => new Blob([BYTES]),
  'a File': () => new File([BYTES], 'x.txt'),
  'a Readable': () => Readable.from(slowly()),
  'a Readable that begins late': () => {
    const stream = new PassThrough()
    setImmediate(() => stream.end(BYTES))
    return stream
  },
  'a ReadableStream': () => new Blob([BYTES]).stream(),
  'a generator': () => cut(),
  'a list of pieces': () => [...cut(50_000)],
  'an async generator': () => slowly(),
  'pieces of text that part characters': () => TEXT.split(''),
  'one large piece': () => [TEXT],
}

for (const [name, form] of Object.entries(FORMS)) {
  test(`a file is uploaded from ${name}`, async () => {
    const id = await newChat()
    const entry = await files.upload('up.txt', { id, content: form() })
    assert.equal(entry.sizeBytes, BYTES.length)
    const down = await service.client.chat.files.download('up.txt', { id })
    assert.deepEqual(new Uint8Array(await down.arrayBuffer()), BYTES)
  })
}

test('what is no content is refused by name, and writes nothing', async () => {
  const id = await newChat()
  const moved = new ArrayBuffer(8)
  const view = new DataView(moved)
  structuredClone(moved, { transfer: [moved] })
  const read = Readable.from(['x'])
  await read.toArray()
  const destroyed = new PassThrough().destroy()
  const locked = new Blob(['x']).stream()
  locked.getReader()
  const emptied = new Blob(['x']).stream()
  for await (const _ of emptied);
  const wrong: unknown[] = [
    undefined, null, {}, 5, 5n, true, Symbol('x'), () => 'x', new Date(), new Map([['a', 'b']]), new Set(['a']), new FormData(), new URLSearchParams(), new Headers(), new Map(), new Set(), Promise.resolve('x'),
    new Response('x'), new URL('file:///etc/passwd'), cut, moved, view, read, destroyed, locked, emptied,
    [1, 2, 3], [null], [{}], ['a', '\ud83d'], '\ud83d', ['\ud83d', Buffer.from('x')],
  ]
  for (const content of wrong) {
    const error = await files.upload('up.txt', { id, content: any(content) }).then(
      () => 'taken',
      (error: unknown) => error,
    )
    assert.ok(error instanceof TypeError && /content/.test(error.message) && error.message.endsWith('.'), `${String(error)}`)
  }
  assert.deepEqual((await service.client.chat.files.list(id)).files, [])
})

test('what a source throws reaches the caller as it is, and no file is left', async () => {
  const id = await newChat()
  const mine = new Error('the disk is gone')
  async function* broken() {
    yield 'the beginning'
    throw mine
  }
  const web = () =>
    new ReadableStream({
      start: (controller) => controller.enqueue('the beginning'),
      pull: (controller) => controller.error(mine),
    })
  const node = () => {
    const stream = new PassThrough()
    stream.write('the beginning')
    setImmediate(() => stream.destroy(mine))
    return stream
  }
  for (const source of [broken, web, node, () => Readable.from(broken())]) {
    const error = await files.upload('half.txt', { id, content: source() }).catch((error: unknown) => error)
    assert.equal(error, mine)
  }
  assert.deepEqual((await service.client.chat.files.list(id)).files, [])
})

test('a source is read no faster than it is sent, and left where the request ends early', async () => {
  const { client } = service
  let given = 0
  let left = false
  async function* endless() {
    try {
      for (;;) {
        given += 1
        yield Buffer.alloc(64 * 1024)
      }
    } finally {
      left = true
    }
  }
  const error = await client.chat.files.upload('x', { id: 'chat_nowhere', content: endless() }).catch((error: unknown) => error)
  assert.ok(error instanceof NotFoundError, String(error))
  for (; !left; ) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(given * 64 < 32 * 1024, `${given} pieces were read ahead`)
})

test('an abort leaves a source that waits, and no file', async () => {
  const id = await newChat()
  const controller = new AbortController()
  const stalled = new PassThrough()
  stalled.write('the beginning')
  const cancelled: unknown[] = []
  const web = new ReadableStream<Uint8Array>({ cancel: (reason) => void cancelled.push(reason) })
  const uploads = [stalled, web].map((content) => files.upload('x', { id, content }, { signal: controller.signal }))
  await new Promise((resolve) => setImmediate(resolve))
  const closed = once(stalled, 'close')
  controller.abort()
  for (const upload of uploads) await assert.rejects(upload, APIUserAbortError)
  await closed
  assert.equal(cancelled.length, 1)
  assert.deepEqual((await service.client.chat.files.list(id)).files, [])
})

/** So many pieces of 64 KiB, and then what is thrown. */
async function* tape(pieces: number, broken?: Error) {
  for (let piece = 0; piece < pieces; piece += 1) yield Buffer.alloc(64 * 1024)
  if (broken !== undefined) throw broken
}

test('a source that fails at once costs no request', async () => {
  // Nobody listens there: a request would be told as one that did not arrive.
  const { chat } = new Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: KEY, backoffScale: 0 })
  const upload = (content: Content) => chat.files.upload('x', { id: 'chat_1', content })
  const mine = new Error('the disk is gone')
  for (const pieces of [0, 1]) await assert.rejects(upload(tape(pieces, mine)), (error) => error === mine)
  await assert.rejects(upload([null] as unknown as Content), TypeError)
  await assert.rejects(upload(tape(1)), APIConnectionError)
})

test('a short source is sent again, and a long one once', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'turnwire-node-')), 'scenario.json')
  const faults = [{ on: 'files.upload', status: 503 }]
  writeFileSync(file, JSON.stringify({ says: 'not at once', call: { operation: 'retrieve' }, faults, expect: {} }))
  for (const [pieces, requests] of [[1, 2], [40, 1]] as const) {
    const kit = await start(TESTKIT, [file], /^listening on (http:\S+)$/)
    try {
      const { chat } = new Turnwire({ baseURL: kit.baseURL, apiKey: KEY, backoffScale: 0 })
      const upload = chat.files.upload('x', { id: 'chat_testkit', content: tape(pieces) })
      if (requests === 1) await assert.rejects(upload, (error) => error instanceof APIError && error.status === 503)
      else assert.equal((await upload).sizeBytes, 64 * 1024)
      const answer = await fetch(`${kit.baseURL}/_testkit`, { headers: { connection: 'close' } })
      const seen = (await answer.json()) as { requests: Record<string, number> }
      assert.equal(seen.requests['files.upload'], requests)
    } finally {
      await kit.stop()
    }
  }
})
