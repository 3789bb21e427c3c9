import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Turnwire, TurnwireError } from 'turnwire'
import { difference } from './support/difference.js'
import { ROOT } from './support/server.js'

interface Case {
  says: string
  events: unknown[]
  turn: unknown
}

const cases = JSON.parse(readFileSync(join(ROOT, 'tests/conformance/odd-events.json'), 'utf8')) as Case[]
let requests = 0
const server = createServer((request, response) => {
  requests += 1
  const found = cases[Number(/chat_(\d+)/.exec(request.url ?? '')?.[1])]
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  // What no reader of JSON would keep stands in the file as a text.
  const texts = found?.events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
  response.end(texts?.map((text) => `data: ${text}\n\n`).join(''))
})
let client: Turnwire
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = new Turnwire({ baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'k' })
})
after(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())))

for (const [index, { says, turn }] of cases.entries()) {
  test(`one odd field costs none of the others: ${says}`, async () => {
    const stream = await client.chat.respond(`chat_${index}`, 'Hi')
    try {
      for await (const event of stream) {
        assert.notEqual(event.type, 'unknown')
        // A lone half of a surrogate pair would be escaped.
        assert.doesNotMatch(JSON.stringify(event), /\\ud[89a-f][0-9a-f]{2}/)
        if (event.type === 'turn.completed' && event.error) assert.equal(typeof event.error.message, 'string')
      }
    } catch (error) {
      assert.ok(error instanceof TurnwireError && error.code === 'incomplete_turn')
    }
    assert.equal(difference(turn, stream.snapshot), undefined)
  })
}

// PROTOCOL VAL-4.
test('half an emoji in a prompt is named, and nothing is sent', async () => {
  const before = requests
  const named = /half of a character/
  await assert.rejects(async () => client.chat.respond('chat_0', 'Go \ud83d'), named)
  await assert.rejects(async () => client.chat.respond('chat_0', { parts: [{ type: 'text', text: '\ude80' }] }), named)
  await assert.rejects(async () => client.chat.create({ title: '\ud83d' }), named)
  assert.equal(requests, before)
})
