import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { APIUserAbortError, Turnwire, type TurnStream } from 'turnwire'
import { KEY, practice, ROOT } from './support/server.js'

const service = practice()
const slow = async (params: object = {}, options?: { signal: AbortSignal }) => {
  const { id } = await service.client.chat.create()
  return service.client.chat.respond(id, { prompt: '/slow 600', ...params }, options)
}
/** Waits until the turn that is given has ended, as its own stream tells. */
const endOf = async ({ chatId, turnId }: TurnStream) => {
  const stream = await service.client.chat.attach(chatId, { turnId })
  return stream!.result()
}

/** Reads until text comes. */
async function untilText(stream: TurnStream): Promise<void> {
  for (;;) {
    const { value } = await stream.next()
    if (value?.type === 'message.part.updated') return
  }
}

test('leaving the loop ends the stream, and the turn goes on', async () => {
  const stream = await slow()
  for await (const event of stream) if (event.type === 'message.part.updated') break
  assert.deepEqual(await stream.next(), { done: true, value: undefined })
  assert.equal((await service.client.chat.retrieve(stream.chatId)).activeTurnId, stream.turnId)
  assert.equal(stream.snapshot.ended, false)
  await stream.cancel()
})

test('with cancelOnClose the turn ends too', async () => {
  const stream = await slow({ cancelOnClose: true })
  for await (const event of stream) if (event.type === 'message.part.updated') break
  assert.equal((await endOf(stream)).status, 'cancelled')
})

test('return() ends a next() that waits', async () => {
  const stream = await slow()
  await untilText(stream)
  const waiting = Array.from({ length: 1000 }, () => stream.next())
  await stream.return()
  const ends = await Promise.all(waiting)
  assert.deepEqual(ends.at(-1), { done: true, value: undefined })
  await stream.cancel()
})

test('a stream is closed at the end of its scope', async () => {
  for (const dispose of ['dispose', 'asyncDispose'] as const) {
    const stream = await slow()
    await stream[Symbol[dispose]]()
    assert.equal((await stream.next()).done, true)
    await stream.cancel()
  }
})

test('a client that is closed ends what is under way, and refuses what is asked later', async () => {
  const client = new Turnwire({ baseURL: service.baseURL, apiKey: KEY })
  const { id } = await client.chat.create()
  const patient = client.withOptions({ timeout: 60_000 })
  const stream = await patient.chat.respond(id, '/slow 600')
  await untilText(stream)
  const left = (async () => {
    for await (const _ of stream);
  })()
  assert.equal(client.isClosed, false)
  client.close()
  client.close()
  const ended = { name: 'APIUserAbortError', code: 'client_closed' }
  await assert.rejects(left, ended)
  await assert.rejects(client.chat.retrieve(id), ended)
  await assert.rejects(patient.chat.list(), ended)
  assert.deepEqual([client.isClosed, patient.isClosed], [true, true])
  await service.client.chat.cancel(id)
})

test('a client is closed at the end of its scope', async () => {
  const left: Turnwire[] = []
  {
    using client = new Turnwire({ baseURL: service.baseURL, apiKey: KEY })
    await using other = new Turnwire({ baseURL: service.baseURL, apiKey: KEY })
    left.push(client, other)
    await client.chat.list({ limit: 1 })
  }
  assert.deepEqual(left.map((client) => client.isClosed), [true, true])
})

test('where the platform has no symbols for the end of a scope, nothing takes their place', () => {
  const exports: { disposable?: (prototype: object) => void } = {}
  const code = readFileSync(join(ROOT, 'npm/dist/disposable.js'), 'utf8')
  runInNewContext(code, { exports, Symbol: {} })
  class Bare {
    close() {}
  }
  exports.disposable!(Bare.prototype)
  assert.deepEqual(Reflect.ownKeys(Bare.prototype), ['constructor', 'close'])
})

test('an abort ends a next() that waits, with the reason as the cause', async () => {
  const controller = new AbortController()
  const stream = await slow({}, controller)
  await untilText(stream)
  const reason = new Error('enough')
  const waiting = (async () => {
    for await (const _ of stream);
  })()
  controller.abort(reason)
  const error = await waiting.catch((error: unknown) => error)
  assert.ok(error instanceof APIUserAbortError)
  assert.equal(error.cause, reason)
  assert.equal(error.turn?.id, stream.turnId)
  assert.ok(error.cursor)
  assert.equal((await stream.next()).done, true, 'told once')
  await assert.rejects(stream.result(), APIUserAbortError)
  await stream.cancel()
})

test('a signal aborted before is looked at, and nothing is sent', async () => {
  const { id } = await service.client.chat.create()
  const reason = new Error('never mind')
  const options = { signal: AbortSignal.abort(reason) }
  for (const call of [
    () => service.client.chat.respond(id, 'Hi', options),
    () => service.client.chat.retrieve(id, options),
    () => service.client.chat.stream(id, {}, options),
  ]) {
    const error = await call().then(undefined, (error: unknown) => error)
    assert.ok(error instanceof APIUserAbortError)
    assert.equal(error.cause, reason)
  }
  assert.equal(await service.client.chat.attach(id), undefined)
})

test('no listener stays on a signal', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args))
  const { id } = await service.client.chat.create({}, { signal })
  for await (const event of service.client.chat.respond(id, 'Hi', { signal })) assert.ok(listeners > 0, event.type)
  await service.client.chat.retrieve('chat_nowhere', { signal }).catch(() => {})
  for await (const _ of service.client.chat.respond(id, '/slow 20', { signal })) break
  assert.equal(listeners, 0)
})
