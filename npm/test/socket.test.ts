import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { APIUserAbortError, Turnwire, type TurnStream } from 'turnwire'

// A service whose answers never end: what closes its sockets is the client.
const server = createServer((request, response) => {
  if (request.url?.endsWith('/silent/respond')) return
  if (request.url?.includes('/files/')) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': 1_000_000 })
    response.write(Buffer.alloc(1000, 'x'))
    return
  }
  const ours = { 'turnwire-contract': '1', 'turnwire-turn-id': 'turn_1' }
  response.writeHead(200, { 'content-type': 'text/event-stream', ...ours })
  response.write('retry: 1000\n: ok\n')
  if (request.url?.includes('/stream')) return send(response, { id: 1, type: 'session.idle', properties: {} })
  const turn = { chatId: 'chat_1', turnId: 'turn_1' }
  send(response, { type: 'turn.started', seq: 1, ...turn, userMessage: { id: 'msg_1', parts: [] } })
  const part = { messageId: 'msg_2', partId: 'prt_1', partType: 'text' }
  send(response, { type: 'message.part.updated', seq: 2, ...turn, ...part, delta: 'Hel' })
})

function send(response: ServerResponse, event: { type: string; seq?: number; [name: string]: unknown }): void {
  const id = event.seq ?? event['id']
  response.write(`id: ${id}\nevent: ${event.seq ? event.type : 'message'}\ndata: ${JSON.stringify(event)}\n\n`)
}

let client: Turnwire
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  client = new Turnwire({ baseURL: `http://127.0.0.1:${port}`, apiKey: 'tw_key', maxRetries: 0 })
})
after(() => {
  server.close()
  server.closeAllConnections()
})

/** Settles once the client has closed the socket of its next request. */
async function closed(use: () => Promise<unknown>): Promise<void> {
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  const used = use()
  const [, response] = await asked
  const gone = response.closed || once(response, 'close')
  await used
  await gone
}

const respond = (options?: { signal: AbortSignal }) => client.chat.respond('chat_1', 'Hi', options)

const leaves: Record<string, (stream: TurnStream) => Promise<unknown>> = {
  'break in a loop over events': async (stream) => {
    for await (const event of stream) if (event.seq === 2) break
  },
  'an error thrown in the loop': (stream) =>
    assert.rejects(async () => {
      for await (const _ of stream) throw new Error('mine')
    }, /mine/),
  'break in a loop over batches': async (stream) => {
    for await (const _ of stream.batches()) break
  },
  'break in a loop over lazy batches': async (stream) => {
    for await (const _ of stream.batches({ lazy: true })) break
  },
  'break in a loop over text': async (stream) => {
    for await (const text of stream.textStream) {
      assert.equal(text, 'Hel')
      break
    }
  },
  'close()': async (stream) => stream.close(),
  'return() while a next() waits': async (stream) => {
    await stream.next()
    await stream.next()
    const waiting = stream.next()
    await stream.return()
    assert.equal((await waiting).done, true)
  },
  'the end of its scope': (stream) => stream[Symbol.asyncDispose](),
}
for (const [how, leave] of Object.entries(leaves)) {
  test(`${how} closes the socket`, () => closed(async () => leave(await respond())))
}

test('break in a loop over the promise closes the socket', () =>
  closed(async () => {
    for await (const _ of respond()) break
  }))

// PROTOCOL CLOCK-5.
test('an abort closes the socket of a stream', () =>
  closed(async () => {
    const controller = new AbortController()
    const stream = await respond(controller)
    const waiting = stream.result()
    controller.abort()
    await assert.rejects(waiting, APIUserAbortError)
  }))

test('an abort closes the socket of a call that has no answer yet', () =>
  closed(async () => {
    const asked = once(server, 'request')
    const controller = new AbortController()
    const call = client.chat.respond('silent', 'Hi', controller)
    await asked
    controller.abort('enough')
    await assert.rejects(call, (error) => error instanceof APIUserAbortError && error.cause === 'enough')
  }))

test('a signal that times out is an abort with its reason', () =>
  closed(async () => {
    const error = await client.chat
      .respond('silent', 'Hi', { signal: AbortSignal.timeout(50) })
      .catch((error: unknown) => error)
    assert.ok(error instanceof APIUserAbortError)
    assert.equal((error.cause as Error).name, 'TimeoutError')
  }))

test('a relay that is left closes its socket', () =>
  closed(async () => {
    for await (const item of client.chat.stream('chat_1', { lastEventId: 0 })) {
      assert.equal(item.kind, 'event')
      break
    }
  }))

test('a download that is cancelled closes its socket', () =>
  closed(async () => {
    const file = await client.chat.files.download('big.bin', { id: 'chat_1' })
    for await (const chunk of file.body!) {
      assert.equal(chunk.length, 1000)
      break
    }
  }))

test('a download that is aborted closes its socket', () =>
  closed(async () => {
    const controller = new AbortController()
    const file = await client.chat.files.download('big.bin', { id: 'chat_1' }, controller)
    const reader = file.body!.getReader()
    await reader.read()
    const rest = reader.read()
    controller.abort()
    await assert.rejects(rest, APIUserAbortError)
  }))
