import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as turnwire from 'turnwire'
import { Turnwire, TurnwireError } from 'turnwire'
import { practice, ROOT } from './support/server.js'

const read = <T>(name: string) => JSON.parse(readFileSync(join(ROOT, 'tests/conformance', name), 'utf8')) as T

interface Code {
  code: string
  class: string
  status?: number
  type?: string
  retryable: boolean
}
const codes = read<Code[]>('errors.json')
const exported = turnwire as unknown as Record<string, unknown>

test('every class of the table is a class of errors', () => {
  for (const { class: name } of codes) {
    if (name === 'InvalidArgumentError') continue
    const made = exported[name] as typeof TurnwireError
    assert.ok(made?.prototype instanceof TurnwireError || made === TurnwireError, name)
    assert.equal(made.prototype.name, name)
  }
})

test('the classes stand under each other as documented', () => {
  const parents: Record<string, string> = {
    APIError: 'TurnwireError',
    APIStatusError: 'APIError',
    BadRequestError: 'APIStatusError',
    AuthenticationError: 'APIStatusError',
    PermissionDeniedError: 'APIStatusError',
    NotFoundError: 'APIStatusError',
    ConflictError: 'APIStatusError',
    TurnConflictError: 'ConflictError',
    ChatEndedError: 'APIStatusError',
    UnprocessableEntityError: 'APIStatusError',
    RateLimitError: 'APIStatusError',
    InternalServerError: 'APIStatusError',
    APIConnectionError: 'APIError',
    APITimeoutError: 'APIConnectionError',
    StreamIdleTimeoutError: 'APITimeoutError',
    IncompleteTurnError: 'APIConnectionError',
    TurnFailedError: 'TurnwireError',
    InputRequiredError: 'TurnwireError',
    APIUserAbortError: 'APIError',
  }
  for (const [name, parent] of Object.entries(parents)) {
    assert.equal(Object.getPrototypeOf(exported[name]), exported[parent], name)
  }
  assert.equal(exported['APIConnectionTimeoutError'], exported['APITimeoutError'])
})

let server: Server
let client: Turnwire
before(async () => {
  server = createServer((request, response) => {
    const row = codes.find(({ code }) => request.url?.endsWith(`/${code}`))
    response.writeHead(row?.status ?? 200, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
    response.end(JSON.stringify({ error: { type: row?.type, code: row?.code, message: `It is ${row?.code}.` } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  client = new Turnwire({ baseURL: `http://127.0.0.1:${port}`, apiKey: 'tw_key', maxRetries: 0 })
})
after(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())))

for (const row of codes.filter(({ status }) => status)) {
  test(`an answer of ${row.code} is a ${row.class}`, async () => {
    const error = await client.chat.retrieve(row.code).catch((error: unknown) => error)
    assert.ok(error instanceof turnwire.APIError)
    assert.equal(error.constructor, exported[row.class])
    assert.equal(error.code, row.code)
    assert.equal(error.status, row.status)
    assert.equal(error.retryable, row.retryable)
    assert.equal(error.requestId, 'req_1')
    assert.equal(error.message, `It is ${row.code}.`)
  })
}

interface Surface {
  turnStream: string[]
  relayStream: string[]
}
const surface = read<Surface>('surface.json')
const service = practice()

test('every member of a stream is there under its name', async () => {
  const { id } = await service.client.chat.create()
  const stream = await service.client.chat.respond(id, 'Hi')
  await stream.result()
  const relay = await service.client.chat.stream(id, { lastEventId: 0 })
  await relay.next()
  for (const name of surface.turnStream) assert.notEqual(stream[name as keyof typeof stream], undefined, name)
  for (const name of surface.relayStream) assert.notEqual(relay[name as keyof typeof relay], undefined, name)
  relay.close()
})
