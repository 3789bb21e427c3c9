import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  InputRequiredError,
  textDelta,
  TurnAccumulator,
  TurnConflictError,
  type TurnEvent,
  TurnFailedError,
} from 'turnwire'
import { practice } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create({ title: 'From Node' })).id

test('a turn streams as events that fold into its result', async () => {
  const stream = await service.client.chat.respond(await newChat(), 'Say this again.')
  const fold = new TurnAccumulator()
  const events: TurnEvent[] = []
  for await (const event of stream) {
    events.push(event)
    fold.push(event)
  }
  assert.equal(events[0]?.type, 'turn.started')
  assert.equal(events.at(-1)?.type, 'turn.completed')
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => index + 1))
  const turn = await stream.result()
  assert.equal(turn.status, 'completed')
  assert.match(turn.text, /Say this again\./)
  assert.equal(events.map((event) => textDelta(event) ?? '').join(''), turn.text)
  assert.deepEqual(fold.turn, turn)
  assert.deepEqual(stream.snapshot, turn)
  assert.equal(stream.chatId, turn.chatId)
  assert.equal(stream.turnId, turn.id)
  assert.match(stream.requestId ?? '', /\S/)
  assert.ok(turn.costMicros !== undefined && turn.costMicros > 0)
})

test('the promise of a stream can itself be iterated', async () => {
  let text = ''
  for await (const event of service.client.chat.respond(await newChat(), 'At once.')) text += textDelta(event) ?? ''
  assert.match(text, /At once\./)
})

test('a result needs no loop', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 1000')
  const turn = await stream.result()
  assert.equal(turn.text.split(/\s+/).length, 1000)
})

test('the text alone', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/think')
  let text = ''
  for await (const piece of stream.textStream) text += piece
  assert.equal(text, (await stream.result()).text)
})

test('batches hold every event once', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 2000')
  const seqs: number[] = []
  for await (const batch of stream.batches()) for (const event of batch) seqs.push(event.seq ?? 0)
  assert.deepEqual(seqs, seqs.map((_, index) => index + 1))
  assert.ok(seqs.length > 2000)
})

test('lazy batches hold the same events, parsed only when touched', async () => {
  const stream = await service.client.chat.respond(await newChat(), 'Grüße, 世界 🌍!')
  const lazily: TurnEvent[] = []
  for await (const batch of stream.batches({ lazy: true })) {
    const all = batch.events()
    assert.equal(batch.length, all.length)
    assert.deepEqual(JSON.parse(batch.json), JSON.parse(JSON.stringify(all)))
    for (const [index, event] of [...batch].entries()) {
      assert.equal(event.seq, all[index]?.seq)
      assert.equal(event.type, all[index]?.type)
      assert.deepEqual(event.event, all[index])
      assert.deepEqual(JSON.parse(event.json), JSON.parse(JSON.stringify(all[index])))
      lazily.push(event.event)
    }
  }
  assert.equal(lazily.at(-1)?.type, 'turn.completed')
  assert.match(lazily.map((event) => textDelta(event) ?? '').join(''), /Grüße, 世界 🌍!/)
})

test('a question is asked once, and answered from the loop', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/ask')
  let asked = 0
  for await (const event of stream) {
    if (event.type !== 'turn.status' || !event.question) continue
    asked += 1
    const answer = event.question.questions.map((question) => [question.options[0]?.label ?? ''])
    await stream.answer(event.question, answer)
  }
  assert.equal(asked, 1)
  assert.equal((await stream.result()).status, 'completed')
})

test('a question that is refused blocks the turn', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/ask')
  for await (const event of stream) {
    if (event.type === 'turn.status' && event.question) await stream.reject(event.question)
  }
  assert.equal((await stream.result()).status, 'blocked')
})

test('sendMessage puts questions to its handler', async () => {
  const asked: string[] = []
  const turn = await service.client.chat.sendMessage(await newChat(), {
    prompt: '/ask',
    onQuestion: async (question) => {
      asked.push(...question.questions.map((one) => one.question))
      return question.questions.map((one) => [one.options[0]?.label ?? ''])
    },
  })
  assert.equal(turn.status, 'completed')
  assert.equal(asked.length, 1)
})

test('a question nobody answers is an error, not a hang', async () => {
  const id = await newChat()
  const error = await service.client.chat.sendMessage(id, { prompt: '/ask', cancelOnClose: false }).catch((error: unknown) => error)
  assert.ok(error instanceof InputRequiredError)
  const [request] = error.turn?.requests ?? []
  assert.ok(request?.kind === 'question')
  // The turn was to be left alone, and still waits: it can be answered, and read to its end.
  const stream = await service.client.chat.attach(id)
  assert.ok(stream)
  await stream.answer(request, request.questions.map((question) => [question.options[0]?.label ?? '']))
  assert.equal((await stream.result()).status, 'completed')
})

test('a turn that failed is an error with the turn in it', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/fail')
  for await (const event of stream) assert.notEqual(event.type, 'unknown')
  const error = await stream.result().catch((error: unknown) => error)
  assert.ok(error instanceof TurnFailedError)
  assert.equal(error.turn?.status, 'failed')
  assert.equal(error.turn?.error?.code, error.code)
  await assert.rejects(service.client.chat.sendMessage(await newChat(), '/fail'), TurnFailedError)
  const text = (await service.client.chat.respond(await newChat(), '/fail')).textStream
  await assert.rejects(async () => {
    for await (const _ of text);
  }, TurnFailedError)
})

test('a second turn while one runs is a conflict that names it', async () => {
  const id = await newChat()
  const stream = await service.client.chat.respond(id, '/slow 50')
  const error = await service.client.chat.respond(id, 'Me too.').catch((error: unknown) => error)
  assert.ok(error instanceof TurnConflictError)
  assert.equal(error.status, 409)
  assert.equal(error.activeTurnId, stream.turnId)
  await stream.cancel()
  assert.equal((await stream.result()).status, 'cancelled')
})

test('a conflict can cancel the turn that runs', async () => {
  const id = await newChat()
  const first = await service.client.chat.respond(id, '/slow 50')
  const second = await service.client.chat.respond(id, { prompt: 'Now me.', onConflict: 'cancel' })
  assert.match((await second.result()).text, /Now me\./)
  assert.equal((await first.result()).status, 'cancelled')
})

test('a turn goes on from a cursor, with nothing twice and nothing missing', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/slow 8')
  const seqs: number[] = []
  for await (const event of stream) {
    seqs.push(event.seq ?? 0)
    if (seqs.length === 5) break
  }
  const { cursor } = stream
  assert.ok(cursor)
  const rest = await service.client.chat.resume(cursor)
  for await (const event of rest) seqs.push(event.seq ?? 0)
  assert.deepEqual(seqs, seqs.map((_, index) => index + 1))
  assert.equal((await rest.result()).status, 'completed')
})

test('a turn that runs can be attached to, from its first event', async () => {
  const id = await newChat()
  assert.equal(await service.client.chat.attach(id), undefined)
  const stream = await service.client.chat.respond(id, '/slow 8')
  const again = await service.client.chat.attach(id)
  assert.ok(again)
  const first = await again.next()
  assert.equal(first.value?.type, 'turn.started')
  assert.deepEqual(await again.result(), await stream.result())
  const ended = await service.client.chat.attach(id, { turnId: stream.turnId })
  assert.deepEqual(await ended?.result(), await stream.result())
})

test('a prompt is text or parts, and not both', async () => {
  const id = await newChat()
  const parts = [{ type: 'text' as const, text: 'In parts.' }]
  assert.match((await service.client.chat.sendMessage(id, { parts })).text, /In parts\./)
  await assert.rejects(service.client.chat.respond(id, {}), TypeError)
  await assert.rejects(service.client.chat.respond(id, { prompt: 'x', parts }), TypeError)
  await assert.rejects(service.client.chat.sendMessage(id, { parts: [] }), TypeError)
  await assert.rejects(service.client.chat.respond(id, ''), TypeError)
  await assert.rejects(service.client.chat.sendMessage(id, ''), /The prompt is empty/)
})

test('several next() at once are told in order', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/slow 3')
  const order: (number | undefined)[] = []
  const ask = async () => {
    const asked = order.push(undefined)
    order[asked - 1] = (await stream.next()).value?.seq
    // One more, while others asked before it still wait.
    if (asked <= 3) await ask()
  }
  await Promise.all(Array.from({ length: 6 }, ask))
  assert.deepEqual(order, order.map((_, index) => index + 1))
  stream.close()
})

test('many streams at once each tell their own turn', async () => {
  const prompts = Array.from({ length: 40 }, (_, index) => `Number ${index} says ${'so '.repeat(index)}again.`)
  const texts = await Promise.all(
    prompts.map(async (prompt) => {
      let text = ''
      for await (const event of service.client.chat.respond(await newChat(), prompt)) text += textDelta(event) ?? ''
      return text
    }),
  )
  for (const [index, prompt] of prompts.entries()) assert.ok(texts[index]?.includes(prompt.trim()), texts[index])
})
