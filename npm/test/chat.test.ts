import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  APIConnectionError,
  APIError,
  AuthenticationError,
  BadRequestError,
  ChatEndedError,
  NotFoundError,
  parseEvent,
  TurnAccumulator,
  TurnwireError,
  Turnwire,
} from 'turnwire'
import { KEY, practice, ROOT, start, TESTKIT } from './support/server.js'

const service = practice()

test('a chat is made, changed, listed, looked at and ended', async () => {
  const { chat } = service.client
  const made = await chat.create({ title: 'Review', idleTimeoutMs: 60_000 })
  assert.match(made.id, /^chat_/)
  assert.equal(made.idleTimeoutMs, 60_000)
  assert.equal((await chat.retrieve(made.id)).title, 'Review')
  assert.equal((await chat.update(made.id, { title: 'Release' })).title, 'Release')
  const ended = await chat.delete(made.id)
  assert.equal(ended.status, 'ended')
  assert.deepEqual(await chat.delete(made.id), ended)
  assert.deepEqual(await chat.cancel(made.id), { id: made.id, ok: true })
})

test('a list goes on over all pages', async () => {
  const { chat } = service.client
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) ids.unshift((await chat.create()).id)
  const page = await chat.list({ limit: 2 })
  assert.deepEqual(page.data.map(({ id }) => id), ids.slice(0, 2))
  assert.ok(page.hasNextPage())
  const all: string[] = []
  for await (const { id } of chat.list({ limit: 2 })) all.push(id)
  assert.deepEqual(all.slice(0, 5), ids)
  assert.equal(new Set(all).size, all.length)
})

test('files go up, are listed, and come down', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
  const put = await chat.files.upload('notes/größe 1.bin', { id, content: bytes })
  assert.equal(put.path, 'notes/größe 1.bin')
  assert.equal(put.sizeBytes, bytes.length)
  await chat.files.upload('hello.txt', { id, content: 'Hello, 世界!\n' })
  const { files } = await chat.files.list(id)
  assert.deepEqual(files.map(({ path }) => path).sort(), ['hello.txt', 'notes/größe 1.bin'])
  const down = await chat.files.download('notes/größe 1.bin', { id })
  assert.deepEqual(new Uint8Array(await down.arrayBuffer()), bytes)
  assert.equal(await (await chat.files.download('hello.txt', { id })).text(), 'Hello, 世界!\n')
  assert.equal(await chat.files.delete('hello.txt', { id }), undefined)
  await assert.rejects(chat.files.download('hello.txt', { id }), NotFoundError)
  await assert.rejects(chat.files.delete('notes', { id }), APIError)
  await assert.rejects(chat.files.download('../../etc/passwd', { id }), APIError)
})

test('a tool writes into the workspace', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const turn = await chat.sendMessage(id, '/tool')
  const tools = turn.messages.flatMap(({ parts }) => parts).filter((part) => part.type === 'tool')
  assert.equal(tools[0]?.state, 'done')
  assert.match(await (await chat.files.download('hello.txt', { id })).text(), /Hello/)
})

test('messages and turns can be looked at later', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const turn = await chat.sendMessage(id, 'Keep this.')
  assert.deepEqual(await chat.turns.retrieve(turn.id, { id }), turn)
  const texts: string[] = []
  for await (const message of chat.messages.list(id)) texts.push(JSON.stringify(message.parts))
  assert.ok(texts.some((text) => text.includes('Keep this.')))
})

// PROTOCOL RAW-1.
test('every answer has its response', async () => {
  const { data, response, requestId } = await service.client.chat.create({ title: 'Raw' }).withResponse()
  assert.equal(response.status, 200)
  assert.match(requestId ?? '', /\S/)
  assert.equal(response.headers.get('turnwire-contract'), '1')
  assert.equal(((await response.json()) as { id: string }).id, data.id)
  const bare = await service.client.chat.retrieve(data.id).asResponse()
  assert.match(bare.headers.get('content-type') ?? '', /json/)
  const stream = await service.client.chat.respond(data.id, 'Hi').withResponse()
  assert.match(stream.response.headers.get('x-request-id') ?? '', /\S/)
  assert.equal((await stream.data.result()).status, 'completed')
})

// PROTOCOL RAW-2.
test('the response of a stream has its events as a body, also where the connection breaks', async () => {
  const file = join(ROOT, 'tests/conformance/http/cut-after-some-events.json')
  const broken = await start(TESTKIT, [file], /^listening on (http:\S+)$/)
  try {
    const client = new Turnwire({ baseURL: broken.baseURL, apiKey: KEY, backoffScale: 0 })
    const response = await client.chat.respond('chat_testkit', 'one twö three four five').asResponse()
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const body = await response.text()
    const ids = [...body.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))
    assert.deepEqual(ids, ids.map((_, index) => index + 1))
    const fold = new TurnAccumulator()
    for (const [, json] of body.matchAll(/^data: (.*)$/gm)) fold.push(parseEvent(json!))
    assert.equal(fold.turn.text, 'one twö three four five')
    assert.ok(fold.turn.ended)
  } finally {
    await broken.stop()
  }
})

test('a body that is left closes its stream', async () => {
  const { id } = await service.client.chat.create()
  const relay = await service.client.chat.stream(id)
  const reader = relay.toReadableStream().getReader()
  const reading = reader.read()
  await reader.cancel()
  assert.equal((await reading).done, true)
  assert.equal((await relay.next()).done, true)
})

test('asking only for the response leaves no rejection behind', async () => {
  // An unhandled rejection would end this process.
  await assert.rejects(service.client.chat.retrieve('chat_nowhere').asResponse(), NotFoundError)
  await new Promise((resolve) => setImmediate(resolve))
})

test('what goes wrong is told by class, status, code and request id', async () => {
  const { chat } = service.client
  const missing = await chat.retrieve('chat_nowhere').catch((error: unknown) => error)
  assert.ok(missing instanceof NotFoundError && missing instanceof APIError && missing instanceof TurnwireError)
  assert.ok(missing instanceof Error)
  assert.equal(missing.name, 'NotFoundError')
  assert.equal(missing.status, 404)
  assert.equal(missing.code, 'chat_not_found')
  assert.match(missing.requestId ?? '', /\S/)
  assert.equal((missing.body as { statusCode: number }).statusCode, 404)
  assert.match(missing.stack ?? '', /^NotFoundError: .*\n(.*\n)*.*chat\.test\.js/, 'it leads to the line that called')

  const stranger = new Turnwire({ baseURL: service.baseURL, apiKey: 'wrong' })
  await assert.rejects(stranger.chat.create(), AuthenticationError)

  const { id } = await chat.create()
  await chat.delete(id)
  await assert.rejects(chat.respond(id, 'Hi'), ChatEndedError)
  await assert.rejects(chat.create({ idleTimeoutMs: 1 }), BadRequestError)
  await assert.rejects(chat.replyToQuestion('que_1', { id: (await chat.create()).id, answers: [['x']] }), NotFoundError)

  const nobody = new Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: KEY, maxRetries: 0 })
  const refused = await nobody.chat.create().catch((error: unknown) => error)
  assert.ok(refused instanceof APIConnectionError)
  assert.ok(refused.cause instanceof Error, 'the causes are behind it')
})

test('an empty id is refused before anything is sent', async () => {
  const nobody = new Turnwire({ baseURL: 'http://127.0.0.1:1', apiKey: KEY })
  const { chat } = nobody
  for (const call of [
    () => chat.retrieve(''),
    () => chat.delete(''),
    () => chat.respond('', 'Hi'),
    () => chat.stream(''),
    () => chat.files.list(''),
    () => chat.files.download('', { id: 'chat_1' }),
    () => chat.replyToQuestion('', { id: 'chat_1', answers: [] }),
    () => chat.turns.retrieve('', { id: 'chat_1' }),
    () => chat.resume(''),
  ]) {
    await assert.rejects(async () => call(), TypeError)
  }
})

test('options of a call and of a client reach the service', async () => {
  const { chat } = service.client
  const idempotencyKey = `key-${process.pid}`
  const first = await chat.create({ title: 'Once' }, { idempotencyKey })
  const again = await chat.create({ title: 'Once' }, { idempotencyKey })
  assert.equal(again.id, first.id)
  const bodied = await chat.create({}, { body: { title: 'From the body' } })
  assert.equal((await chat.retrieve(bodied.id)).title, 'From the body')
  const page = await chat.list({}, { query: { limit: 1 } })
  assert.equal(page.data.length, 1)
  const anonymous = service.client.withOptions({ headers: { authorization: null } })
  await assert.rejects(anonymous.chat.list(), AuthenticationError)
  assert.equal(anonymous.baseURL, service.client.baseURL)
})

test('client.agent.v2.chat is client.chat', () => {
  assert.equal(service.client.agent.v2.chat, service.client.chat)
})

test('HTTP/2 is spoken from the first byte where that is asked for', async () => {
  const options = { baseURL: service.baseURL, apiKey: KEY, http2PriorKnowledge: true, noProxy: true, tcpKeepalive: 5000 }
  const { chat } = new Turnwire(options)
  const { id } = await chat.create()
  assert.equal((await chat.sendMessage(id, 'Over two.')).status, 'completed')
  assert.throws(() => new Turnwire({ tcpKeepalive: 'long' as unknown as number }), TypeError)
  const file = join(ROOT, 'tests/conformance/http/cut-after-some-events.json')
  const old = await start(TESTKIT, [file], /^listening on (http:\S+)$/)
  try {
    const client = new Turnwire({ ...options, baseURL: old.baseURL, maxRetries: 0 })
    await assert.rejects(async () => client.chat.retrieve('chat_testkit'), APIConnectionError)
  } finally {
    await old.stop()
  }
})

test('a key over plain http to another machine is warned of once', async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  for (const baseURL of ['http://127.0.0.1:1', 'https://service.invalid']) new Turnwire({ baseURL, apiKey: 'k' })
  for (let times = 0; times < 2; times += 1) {
    new Turnwire({ baseURL: 'http://service.invalid', apiKey: 'k' }).withOptions({ maxRetries: 1 })
  }
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', note)
  const said = warnings.filter(({ name }) => name === 'TurnwireWarning').map(({ message }) => message)
  assert.deepEqual(said, ['The key is sent to service.invalid over plain http, where others can read it; use https.'])
})

test('wrong options are a TypeError', () => {
  assert.throws(() => new Turnwire({ baseURL: 'not a url' }), TypeError)
  assert.throws(() => new Turnwire({ baseURL: service.baseURL, maxRetries: -1 }), TypeError)
  assert.throws(() => service.client.withOptions({ timeout: 'soon' as unknown as number }), TypeError)
})

// PROTOCOL AUTH-4.
test('neither keys nor tokens are shown', async () => {
  const client = new Turnwire({ baseURL: service.baseURL, apiKey: KEY, defaultHeaders: { 'x-secret': KEY } })
  const { id } = await client.chat.create()
  const token = await client.chat.createStreamToken(id)
  const stream = await client.chat.respond(id, 'Hi')
  const error = await client.chat.retrieve('chat_nowhere').catch((error: unknown) => error)
  await stream.result()
  for (const value of [client, client.chat, client.chat.files, token, stream, error, { nested: [client, token] }]) {
    const shown = inspect(value, { depth: 20, showHidden: true })
    assert.ok(!shown.includes(KEY), shown)
    assert.ok(!shown.includes(token.token), shown)
  }
  assert.equal(JSON.parse(JSON.stringify(token)).token, token.token, 'a token can be sent to a browser')
  assert.ok(!JSON.stringify(client).includes(KEY))
})
