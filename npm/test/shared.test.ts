import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { Turnwire } from 'turnwire'

let connections = 0
const keys: (string | undefined)[] = []
const server = createServer((request, response) => {
  keys.push(request.headers.authorization)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end('{"id":"chat_1","status":"idle"}')
})
server.on('connection', () => (connections += 1))
let baseURL: string
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => (server.close(), server.closeAllConnections()))

test('a client a request opens no connection a request, and each sends its own key', async () => {
  for (const apiKey of ['one', 'two', 'three']) await new Turnwire({ baseURL, apiKey }).chat.retrieve('chat_1')
  assert.equal(connections, 1)
  assert.deepEqual(keys, ['Bearer one', 'Bearer two', 'Bearer three'])
})

test('clients of other settings have connections of their own', async () => {
  const former = connections
  await new Turnwire({ baseURL, apiKey: 'one', tcpKeepalive: 30_000 }).chat.retrieve('chat_1')
  assert.equal(connections, former + 1)
})
