import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InputRequiredError, type Question, type TurnEvent } from 'turnwire'
import { practice } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create({ title: 'Readers' })).id
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('an open question is asked again by a stream that is resumed', async () => {
  const first = await service.client.chat.respond(await newChat(), '/ask')
  for await (const event of first) if (event.type === 'turn.status' && event.question) break
  const cursor = first.cursor!
  const stream = await service.client.chat.resume(cursor)
  assert.equal(stream.cursor, cursor)
  let asked = 0
  let before = stream.cursor
  for await (const event of stream) {
    if (event.type === 'turn.status' && event.question) {
      asked += 1
      assert.equal(stream.cursor, before)
      await stream.answer(event.question, [['yes']])
    }
    before = stream.cursor
  }
  assert.equal(asked, 1)
  assert.match((await stream.result()).text, /yes/)
})

test('a result beside a loop takes no event away', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 300')
  const seqs: (number | undefined)[] = []
  const read = async () => {
    for await (const event of stream) seqs.push(event.seq)
  }
  const [turn] = await Promise.all([stream.result(), read()])
  assert.equal(turn.status, 'completed')
  assert.deepEqual(seqs, upTo(seqs.length))
  assert.ok(seqs.length > 300)
})

test('next and then a readable stream lose nothing, and the cursor follows', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 50')
  assert.equal((await stream.next()).value?.seq, 1)
  const before = stream.cursor
  let text = ''
  for await (const chunk of stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk)
  }
  const seqs = [...text.matchAll(/^id: ?(\d+)$/gm)].map((found) => Number(found[1]))
  assert.deepEqual(seqs, upTo(seqs.length + 1).slice(1))
  assert.notEqual(stream.cursor, before)
  const rest = await service.client.chat.resume(stream.cursor!)
  assert.equal((await rest.next()).done, true)
})

test('next and then text or lazy batches lose nothing', async () => {
  const stream = await service.client.chat.respond(await newChat(), 'One two')
  await stream.next()
  let text = ''
  for await (const piece of stream.textStream) text += piece
  assert.equal(text, 'One two')
  const other = await service.client.chat.respond(await newChat(), '/long 50')
  const events: TurnEvent[] = [(await other.next()).value!]
  for await (const batch of other.batches({ lazy: true })) events.push(...batch.events())
  assert.deepEqual(events.map((event) => event.seq), upTo(events.length))
})

test('a loop that another one has taken over from is refused', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 300')
  const batches = stream.batches()
  assert.equal((await batches.next()).done, false)
  await stream.textStream.next()
  await assert.rejects(batches.next(), /another loop/i)
})

test('a message that fails in the caller leaves the chat free', async () => {
  const id = await newChat()
  await assert.rejects(service.client.chat.sendMessage(id, '/ask').then(), InputRequiredError)
  const onQuestion = () => {
    throw new RangeError('mine')
  }
  await assert.rejects(service.client.chat.sendMessage(id, { prompt: '/ask', onQuestion }).then(), RangeError)
  const controller = new AbortController()
  const asked = new Promise<void>((resolve) => {
    const message = service.client.chat.sendMessage(
      id,
      { prompt: '/ask', onConflict: 'wait', onQuestion: () => new Promise(() => resolve()) },
      { signal: controller.signal },
    )
    message.then(undefined, () => {})
  })
  await asked
  controller.abort()
  const turn = await service.client.chat.sendMessage(id, { prompt: 'Now me.', onConflict: 'wait' })
  assert.equal(turn.text, 'Now me.')
})

test('respond takes handlers, and who comes second is no error', async () => {
  const id = await newChat()
  const onQuestion = async (question: Question) => {
    await service.client.chat.replyToQuestion(question.requestId, { id, answers: [['yes']] })
    return [['no']]
  }
  const stream = await service.client.chat.respond(id, { prompt: '/ask', onQuestion })
  for await (const _ of stream);
  assert.match((await stream.result()).text, /yes/)
})
