import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APIError, parseEvent, textDelta, TurnAccumulator, type TurnEvent } from 'turnwire'

const turn = { chatId: 'chat_1', turnId: 'turn_1' }
const wire = (event: object, seq = 1) => JSON.stringify({ seq, ...turn, ...event })
const delta = (text: string, more: object = {}) =>
  wire({ type: 'message.part.updated', messageId: 'msg_2', partId: 'prt_1', partType: 'text', delta: text, ...more }, 2)

test('an event is a plain object of what travels', () => {
  const event = parseEvent(delta('Hel'))
  assert.deepEqual(event, {
    type: 'message.part.updated',
    seq: 2,
    ...turn,
    messageId: 'msg_2',
    partId: 'prt_1',
    partType: 'text',
    delta: 'Hel',
  })
  assert.equal(Object.getPrototypeOf(event), Object.prototype)
})

// PROTOCOL EVENT-1.
test('an event takes its type from the SSE name where its body has none', () => {
  const event = parseEvent(wire({ usage: { totalTokens: 3 } }), 'session.usage')
  assert.equal(event.type, 'session.usage')
})

// PROTOCOL VER-4.
test('other spellings read as ours', () => {
  const event = parseEvent('{"type":"message.part.updated","message_id":"msg_2","part_id":"prt_1","delta":"x"}')
  assert.ok(event.type === 'message.part.updated' && event.delta === 'x')
  assert.equal(event.messageId, 'msg_2')
  assert.equal(event.partId, 'prt_1')
})

// PROTOCOL VER-3.
test('an event newer than this library is kept whole', () => {
  const event = parseEvent(wire({ type: 'turn.dreamt', of: ['sheep'] }))
  assert.deepEqual(event, {
    type: 'unknown',
    eventType: 'turn.dreamt',
    raw: { seq: 1, ...turn, type: 'turn.dreamt', of: ['sheep'] },
  })
})

test('a part newer than this library is kept whole, and goes back as it came', () => {
  const part = { id: 'prt_1', type: 'hologram', state: 'done', raw: { depth: 3 } }
  const event = parseEvent(
    wire({ type: 'message.part.updated', messageId: 'msg_2', partId: 'prt_1', partType: 'hologram', part }),
  )
  assert.ok(event.type === 'message.part.updated' && event.part?.type === 'unknown')
  assert.deepEqual(event.part, { id: 'prt_1', type: 'unknown', partType: 'hologram', state: 'done', raw: { depth: 3 } })
  const fold = new TurnAccumulator()
  assert.ok(fold.push(event))
  assert.deepEqual(fold.turn.messages[0]?.parts, [event.part])
})

test('what is no JSON object is an error', () => {
  for (const text of ['', '[]', '7', '{"type":']) {
    assert.throws(() => parseEvent(text), (error) => error instanceof APIError && error.code === 'invalid_frame')
  }
})

test('only text of a root answer is the text of a turn', () => {
  assert.equal(textDelta(parseEvent(delta('Hi'))), 'Hi')
  assert.equal(textDelta(parseEvent(delta('Hi', { partType: 'reasoning' }))), undefined)
  assert.equal(textDelta(parseEvent(delta('Hi', { kind: 'summary' }))), undefined)
  assert.equal(textDelta(parseEvent(delta('Hi', { parentPartId: 'prt_9' }))), undefined)
  assert.equal(textDelta(parseEvent(wire({ type: 'turn.status', status: 'running' }))), undefined)
})

// PROTOCOL FOLD-1.
test('the fold of the events is the turn', () => {
  const fold = new TurnAccumulator()
  const events: TurnEvent[] = [
    wire({ type: 'turn.started', userMessage: { id: 'msg_1', parts: [{ type: 'text', text: 'Hi' }] } }, 1),
    delta('Héllo '),
    delta('wörld 🌍', { seq: 3 }),
    wire({ type: 'session.usage', usage: { totalTokens: 3, summary: { totalTokens: 3, costMicros: 21 } } }, 4),
    wire({ type: 'turn.completed', status: 'completed', durationMs: 12 }, 5),
  ].map((json) => parseEvent(json))
  assert.equal(fold.turn.ended, false)
  assert.deepEqual(events.map((event) => fold.push(event)), [true, true, true, true, true])
  assert.equal(fold.push(events[1] as TurnEvent), false, 'told before')
  const { turn } = fold
  assert.equal(turn.text, 'Héllo wörld 🌍')
  assert.equal(turn.status, 'completed')
  assert.equal(turn.ended, true)
  assert.equal(turn.costMicros, 21)
  assert.equal(turn.durationMs, 12)
})

// PROTOCOL FOLD-3.
test('an accumulator takes in no event of another turn', () => {
  const fold = new TurnAccumulator()
  fold.push(parseEvent(delta('mine')))
  assert.equal(fold.push(parseEvent(delta('yours', { turnId: 'turn_2', seq: 3 }))), false)
  assert.equal(fold.turn.text, 'mine')
})
