import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type RelayEvent, Turnwire } from 'turnwire'
import { practice } from './support/server.js'

const service = practice()

async function read(stream: AsyncIterable<unknown>, until: (event: RelayEvent) => boolean): Promise<RelayEvent[]> {
  const events: RelayEvent[] = []
  for await (const item of stream as AsyncIterable<RelayEvent>) {
    assert.equal(item.kind, 'event')
    events.push(item)
    if (until(item)) break
  }
  return events
}
const idle = (event: RelayEvent) => event.eventType === 'session.idle'

test('the relay numbers every event of the runtime, from the oldest on', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  await chat.sendMessage(id, 'Relay this.')
  const stream = await chat.stream(id, { lastEventId: 0 })
  const events = await read(stream, idle)
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1))
  assert.equal(stream.lastEventId, events.length)
  const accepted = events.find((event) => event.eventType === 'turnwire.turn.accepted')
  assert.equal((accepted?.raw as { type: string }).type, 'turnwire.turn.accepted')
  assert.match(accepted?.sessionId ?? '', /^ses_/)
  assert.ok(events.every((event) => event.sessionId === accepted?.sessionId))
})

test('it goes on after the last event that was read', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  await chat.sendMessage(id, 'Relay this.')
  const first = await chat.stream(id, { lastEventId: 0 })
  const some = await read(first, (event) => event.id === 3)
  const rest = await read(chat.stream(id, { lastEventId: first.lastEventId! }), idle)
  assert.deepEqual([...some, ...rest].map((event) => event.id), [...some, ...rest].map((_, index) => index + 1))
})

test('a live relay says where it began', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  await chat.sendMessage(id, 'Before.')
  const live = await chat.stream(id)
  assert.equal(live.lastEventId, (await chat.retrieve(id)).lastEventId)
  live.close()
})

// PROTOCOL RELAY-5.
test('a cursor beyond the log is a reset, never a silent hole', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const turn = chat.sendMessage(id, 'Relay this.')
  await turn
  for await (const item of chat.stream(id, { lastEventId: 1_000_000 })) {
    assert.equal(item.kind, 'reset')
    break
  }
})

// PROTOCOL TOKEN-2.
test('a token alone reads the relay of its chat', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  await chat.sendMessage(id, 'Relay this.')
  const { token, streamUrl, expiresAt } = await chat.createStreamToken(id)
  assert.ok(streamUrl.startsWith(service.baseURL))
  assert.ok(Date.parse(expiresAt!) > Date.now())
  const reader = new Turnwire({ baseURL: service.baseURL })
  const events = await read(reader.chat.stream(id, { token, lastEventId: 0 }), idle)
  assert.ok(events.length > 3)
})

test('a relay that is live ends when it is left', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const stream = await chat.stream(id)
  const waiting = stream.next()
  stream.close()
  assert.deepEqual(await waiting, { done: true, value: undefined })
})

test('a second loop over a relay is refused while the first waits, which loses nothing', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  const stream = await chat.stream(id, { lastEventId: 0 })
  const first = read(stream, idle)
  const twice = { message: 'Two readers wait on one stream; read it in one and pass the events on.' }
  await assert.rejects(read(stream, idle), twice)
  await setImmediate()
  await assert.rejects(stream.toReadableStream().getReader().read(), twice)
  await chat.sendMessage(id, 'Relay this.')
  const events = await first
  assert.ok(events.length > 3)
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1))
})

test('a loop over a relay that another one has taken over from is refused, and nothing is lost between them', async () => {
  const { chat } = service.client
  const { id } = await chat.create()
  await chat.sendMessage(id, 'Relay this.')
  const stream = await chat.stream(id, { lastEventId: 0 })
  const loop = stream[Symbol.asyncIterator]()
  const first = (await loop.next()).value as RelayEvent
  const second = (await stream[Symbol.asyncIterator]().next()).value as RelayEvent
  await assert.rejects(loop.next(), /another loop/i)
  assert.equal(stream.lastEventId, 2)
  let text = ''
  for await (const chunk of stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('session.idle')) break
  }
  const rest = [...text.matchAll(/^id: ?(\d+)$/gm)].map((found) => Number(found[1]))
  const ids = [first.id, second.id, ...rest]
  assert.deepEqual(ids, ids.map((_, index) => index + 1))
  assert.equal(stream.lastEventId, ids.length)
})
