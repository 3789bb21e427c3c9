import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { AuthenticationError, type ClientOptions, type NewChat, type RequestOptions, Turnwire } from 'turnwire'
import { KEY, practice } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create()).id

/** What JavaScript lets through and the compiler would not. */
const any = <T>(value: unknown) => value as T

/** Calls, and gives the error that must come. */
async function refusal(call: () => unknown): Promise<TypeError> {
  const error = await Promise.resolve().then(call).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(error instanceof TypeError, `${call}: ${error}`)
  assert.ok(error.message.endsWith('.'), `a sentence: ${error.message}`)
  return error
}

/** Values that no option takes. */
const NEVER: unknown[] = [Symbol('x'), () => 'x', 5n, new Date(), new Map(), new Set(), Buffer.from('x'), NaN, null]

test('an apiKey that is no string is refused, and never the key of the environment sent in its place', async () => {
  const seen: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.writeHead(401).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const before = { ...process.env }
  Object.assign(process.env, { TURNWIRE_API_KEY: 'of-the-environment', TURNWIRE_BASE_URL: baseURL })
  try {
    for (const apiKey of [() => 'mine', async () => 'mine', ...NEVER, 5, true, {}, ['mine']]) {
      const error = await refusal(() => new Turnwire(any<ClientOptions>({ apiKey })).chat.list())
      assert.match(error.message, /^apiKey must /)
    }
    const mine = Object.create({ apiKey: 'inherited' }) as ClientOptions
    await assert.rejects(new Turnwire(mine).chat.list(), AuthenticationError)
    assert.deepEqual(seen.map(({ authorization }) => authorization), ['Bearer inherited'])
  } finally {
    for (const name of ['TURNWIRE_API_KEY', 'TURNWIRE_BASE_URL']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    server.close()
  }
})

test('every option of a client is honoured or refused by name', async () => {
  const texts = ['apiKey', 'token', 'baseURL', 'prefix', 'proxy', 'caBundle', 'userAgent']
  const numbers = ['maxRetries', 'maxEventBytes', 'backoffScale', 'tcpKeepalive', 'timeout']
  const rest = ['defaultHeaders', 'defaultQuery', 'noProxy', 'http2PriorKnowledge']
  for (const name of [...texts, ...numbers, ...rest]) {
    const wrong = NEVER.filter((value) => !name.startsWith('default') || !(value instanceof Map || value instanceof Set))
    if (numbers.includes(name)) wrong.push(-1, '5', -Infinity)
    if (numbers.includes(name) && name !== 'timeout') wrong.push(Infinity)
    if (texts.includes(name)) wrong.push(5, {}, [])
    for (const value of wrong) {
      const options = any<ClientOptions>({ baseURL: service.baseURL, [name]: value })
      const { message } = await refusal(() => new Turnwire(options))
      const told = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      assert.ok(message.includes(name) || message.includes(told), `${name}: ${message}`)
    }
  }
})

test('every option of a call is honoured or refused by name', async () => {
  const id = await newChat()
  for (const name of ['timeout', 'maxRetries', 'idempotencyKey', 'headers', 'query', 'body']) {
    const wrong = NEVER.filter((value) => !(value instanceof Map || value instanceof Set) || !/headers|query/.test(name))
    for (const value of [...wrong, 'x'.repeat(name === 'idempotencyKey' ? 0 : 1)]) {
      const options = any<RequestOptions>({ [name]: value })
      for (const call of [
        () => service.client.chat.create({}, options),
        () => service.client.withOptions(options),
      ]) {
        const { message } = await refusal(call)
        assert.match(message, new RegExp(name === 'idempotencyKey' ? 'idempotency-?key' : name, 'i'))
      }
    }
  }
  for (const clock of [NaN, -1, '5', null, 5n, new Date()]) {
    const { message } = await refusal(() => service.client.chat.retrieve(id, any({ timeout: { idle: clock } })))
    assert.match(message, /idle must /)
  }
  // These are honoured.
  await service.client.chat.retrieve(id, { timeout: Infinity, signal: null })
  await service.client.chat.retrieve(id, { timeout: { idle: Infinity, total: 60_000.5, connect: 0 } })
})

test('fields for a JSON body are refused where there is none', async () => {
  const { chat } = service.client
  const id = await newChat()
  const body = { mode: 1 }
  for (const call of [
    () => chat.retrieve(id, { body }),
    () => chat.list({}, { body }),
    () => chat.delete(id, { body }),
    () => chat.files.upload('a', { id, content: 'a' }, { body }),
    () => chat.files.download('a', { id }, { body }),
    () => chat.attach(id, {}, { body }),
    () => chat.stream(id, {}, { body }),
  ]) {
    assert.match((await refusal(call)).message, /no JSON body that fields \(extra_body, body\)/)
  }
  // Of a client they are for the calls they fit.
  assert.equal((await service.client.withOptions({ body }).chat.retrieve(id)).id, id)
})

test('arguments that JSON would lose are refused by name', async () => {
  const { chat } = service.client
  const id = await newChat()
  for (const name of ['title', 'model', 'idleTimeoutMs', 'vaultIds', 'instructions']) {
    for (const value of NEVER) {
      const { message } = await refusal(() => chat.create(any<NewChat>({ [name]: value })))
      assert.ok(message.startsWith(`${name} `), message)
    }
  }
  const calls: [() => unknown, RegExp][] = [
    [() => chat.cancel(id, any({ turnId: null })), /^turnId must not be null/],
    [() => chat.cancel(id, any({ turnId: () => 'x' })), /^turnId cannot be sent: it is a function/],
    [() => chat.list({ limit: NaN }), /^limit cannot be sent: it is NaN/],
    [() => chat.list({ limit: Infinity }), /^limit cannot be sent: it is Infinity/],
    [() => chat.stream(id, { lastEventId: NaN }), /^lastEventId /],
    [() => chat.retrieve(any(() => id)), /^id cannot be sent: it is a function/],
    [() => chat.respond(id, any({ prompt: 'Hi', model: new Date() })), /^model cannot be sent: it is a Date/],
    [() => chat.respond(id, any({ prompt: 'Hi', onState: null })), /^onState must not be null/],
    [() => chat.respond(id, { prompt: 'Hi', format: { at: NaN } }), /^format\.at cannot be sent: it is NaN/],
    [() => chat.respond(id, any({ parts: [{ type: 'file', mime: 'x/y', url: Buffer.from('x') }] })), /^parts\[0\]\.url .*Buffer/],
    [() => chat.respond(id, any({ parts: [{ type: 'text', text: 'a' }, , { type: 'text', text: 'b' }] })), /^parts\[1\] .*undefined/],
    [() => chat.create({}, { body: { a: [1, { b: () => 1 }] } }), /^body\.a\[1\]\.b cannot be sent: it is a function/],
    [() => chat.create(any(new Map([['title', 'x']]))), /create takes an object, .* this is a Map/],
    [() => chat.create({}, any(new Headers({ timeout: '5' }))), /this is a Headers/],
    [() => new Turnwire(any(new (class Nothing {})())), /this is a Nothing/],
  ]
  for (const [call, told] of calls) assert.match((await refusal(call)).message, told)
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  assert.match((await refusal(() => chat.create({}, { body: circle }))).message, /body\.self .* part of itself/)
  // What writes itself as JSON may do so where any JSON goes.
  const at = new Date(0)
  const { id: made } = await chat.create({}, { body: { title: at } })
  assert.equal((await chat.retrieve(made)).title, at.toJSON())
})

test('headers and query come in every form the platform has', async () => {
  const seen: { url: string; headers: IncomingMessage['headers'] }[] = []
  const server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"chat_1","status":"active","data":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const pairs: [string, string][] = [['x-one', '1'], ['x-two', '2']]
    const forms = [new Headers(pairs), new Map(pairs), pairs, pairs.values(), Object.fromEntries(pairs)]
    for (const headers of forms) {
      await new Turnwire({ baseURL, apiKey: KEY }).chat.list({}, { headers })
      assert.equal(seen.at(-1)?.headers['x-one'], '1')
      assert.equal(seen.at(-1)?.headers['x-two'], '2')
    }
    const asked = [...pairs, ['x-one', '3']] as [string, string][]
    const queries = [new URLSearchParams(asked), asked, { 'x-one': ['1', 3], 'x-two': 2 }]
    for (const query of queries) {
      await new Turnwire({ baseURL, apiKey: KEY, defaultQuery: query }).chat.list()
      const { searchParams } = new URL(seen.at(-1)?.url ?? '', baseURL)
      assert.deepEqual(searchParams.getAll('x-one'), ['1', '3'])
      assert.equal(searchParams.get('x-two'), '2')
    }
    const client = new Turnwire({ baseURL, apiKey: KEY, defaultHeaders: new Map([['authorization', null]]) })
    await client.chat.list()
    assert.equal(seen.at(-1)?.headers.authorization, undefined)
    const twice = [{ 'X-A': '1', 'x-a': '2' }, [['x-a', '1'], ['X-A', '2']]]
    const framing = [{ 'Content-Length': '1' }, { 'transfer-encoding': 'chunked' }]
    for (const headers of [...twice, ...framing, { a: 5 }, [['a']], ['a'], 'a: b']) {
      assert.match((await refusal(() => client.chat.list({}, any({ headers })))).message, /header/)
    }
  } finally {
    server.close()
  }
})

test('a key that is set is used, and whatever else is set on a client is refused', async () => {
  const client = new Turnwire({ baseURL: service.baseURL, apiKey: 'wrong' })
  await assert.rejects(client.chat.list(), AuthenticationError)
  client.apiKey = KEY
  await client.chat.list()
  await client.withOptions({ maxRetries: 0 }).chat.list()
  for (const apiKey of [undefined, null, '', () => KEY]) {
    await refusal(() => {
      client.apiKey = any(apiKey)
    })
  }
  for (const name of ['baseURL', 'timeout', 'maxRetries', 'defaultHeaders', 'token']) {
    const { message } = await refusal(() => {
      any<Record<string, unknown>>(client)[name] = 'x'
    })
    assert.match(message, new RegExp(`^${name} is set when a client is made`))
  }
  assert.equal(new URL(client.baseURL).host, new URL(service.baseURL).host)
})

test('batches takes what it knows', async () => {
  const stream = await service.client.chat.respond(await newChat(), 'Hi')
  for (const options of [{ lazzy: true }, { lazy: 'yes' }, null, 'lazy']) {
    await refusal(() => stream.batches(any(options)))
  }
  for await (const batch of stream.batches({ lazy: true })) assert.ok(batch.length > 0)
})

test('an idempotency key is refused where it would not be sent', async () => {
  const id = await newChat()
  const { chat } = service.client
  const options = { idempotencyKey: 'k' }
  const calls = {
    retrieve: () => chat.retrieve(id, options),
    list: () => chat.list({}, options),
    update: () => chat.update(id, { title: 'x' }, options),
    cancel: () => chat.cancel(id, {}, options),
    stream: () => chat.stream(id, {}, options),
    attach: () => chat.attach(id, {}, options),
    upload: () => chat.files.upload('a', { id, content: 'x' }, options),
    download: () => chat.files.download('a', { id }, options),
    delete: () => chat.delete(id, options),
  }
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(async () => void (await call()), /idempotency_?key/i, name)
  }
  // Of a client it is for the calls it fits.
  assert.equal((await service.client.withOptions(options).chat.retrieve(id)).id, id)
})
