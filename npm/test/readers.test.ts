import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  APITimeoutError,
  InputRequiredError,
  type Question,
  type RequestOptions,
  type RespondParams,
  type TurnEvent,
  Turnwire,
} from 'turnwire'
import { practice, ROOT, start, TESTKIT } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create({ title: 'Readers' })).id
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

// PROTOCOL RESUME-10.
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

for (const lazy of [false, true]) {
  test(`a stream that is left after a batch is resumed with exactly the rest (lazy: ${lazy})`, async () => {
    const first = await service.client.chat.respond(await newChat(), '/ask')
    const seqs: (number | undefined)[] = []
    let asked = 0
    const take = (event: TurnEvent) => {
      seqs.push(event.seq)
      if (event.type === 'turn.status' && event.question) asked += 1
    }
    if (lazy) for await (const batch of first.batches({ lazy })) {
      batch.events().forEach(take)
      break
    } else for await (const batch of first.batches()) {
      batch.forEach(take)
      break
    }
    const [taken, askedBefore] = [seqs.length, asked]
    const rest = await service.client.chat.resume(first.cursor!)
    for await (const event of rest) {
      take(event)
      if (event.type === 'turn.status' && event.question) await rest.answer(event.question, [['yes']])
    }
    // A question that the batch had is asked once more, without a number of its own: 0.
    assert.equal(asked, askedBefore + 1)
    assert.equal(seqs.filter((seq) => seq === 0).length, askedBefore)
    const numbers = seqs.filter((seq) => seq !== 0)
    assert.deepEqual(numbers, upTo(numbers.length))
    assert.ok(taken > 0 && numbers.length > taken)
    assert.match((await rest.result()).text, /yes/)
  })
}

test('a loop that another one has taken over from is refused', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 300')
  const batches = stream.batches()
  assert.equal((await batches.next()).done, false)
  await stream.textStream.next()
  await assert.rejects(batches.next(), /another loop/i)
})

test('a second loop is refused while the first waits, which loses nothing', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/ask')
  const seqs: (number | undefined)[] = []
  let asked: (question: Question) => void = () => {}
  const question = new Promise<Question>((resolve) => (asked = resolve))
  const first = (async () => {
    for await (const event of stream) {
      seqs.push(event.seq)
      if (event.type === 'turn.status' && event.question) asked(event.question)
    }
  })()
  const open = await question
  for (const other of [stream[Symbol.asyncIterator](), stream.batches(), stream.textStream]) {
    // The loop has gone through what had come, and waits.
    await setImmediate()
    await assert.rejects(other.next(), /^Error: Two readers wait/)
  }
  await stream.answer(open, [['yes']])
  await first
  assert.deepEqual(seqs, upTo(seqs.length))
  assert.equal(stream.snapshot.ended, true)
})

test('an open question is asked again by a stream that is attached', async () => {
  const id = await newChat()
  const first = await service.client.chat.respond(id, '/ask')
  for await (const event of first) if (event.type === 'turn.status' && event.question) break
  const stream = await service.client.chat.attach(id)
  assert.ok(stream, 'a turn runs')
  let asked = 0
  for await (const event of stream) {
    if (event.type !== 'turn.status' || !event.question) continue
    asked += 1
    await stream.answer(event.question, [['yes']])
  }
  assert.equal(asked, 1)
  assert.match((await stream.result()).text, /yes/)
})

interface Counts {
  requests: Record<string, number>
  lastBody: string
}

/** The service of a scenario of tests/conformance/http, or of a file, and what has reached it. */
async function scenario(name: string, use: (client: Turnwire, counts: () => Promise<Counts>) => Promise<void>): Promise<void> {
  const file = name.endsWith('.json') ? name : join(ROOT, `tests/conformance/http/${name}.json`)
  const { baseURL, stop } = await start(TESTKIT, [file], /^listening on (\S+)$/)
  const counts = async () => {
    const answer = await fetch(`${baseURL}/_testkit`, { headers: { connection: 'close' } })
    return (await answer.json()) as Counts
  }
  try {
    await use(new Turnwire({ baseURL, apiKey: 'sk_test' }), counts)
  } finally {
    await stop()
  }
}

const AT_ONCE = 'a-question-and-a-permission-at-once'
const replies = ({ requests }: Counts) => [requests['reply_to_question'], requests['reply_to_permission']]

// PROTOCOL ASK-5.
test('a question and a permission of one status each reach their handler once', async () => {
  for (const how of ['result', 'loop', 'text', 'message'] as const) {
    await scenario(AT_ONCE, async ({ chat }, counts) => {
      const asked: string[] = []
      const onQuestion = (question: Question) => {
        asked.push(question.requestId)
        return [['yes']]
      }
      const onPermission = ({ requestId }: { requestId: string }) => {
        asked.push(requestId)
        return 'once' as const
      }
      const params = { prompt: '/both', onQuestion, onPermission }
      if (how === 'message') {
        assert.equal((await chat.sendMessage('chat_testkit', params)).text, 'thank you both')
      } else {
        const stream = await chat.respond('chat_testkit', params)
        if (how === 'loop') for await (const _ of stream);
        if (how === 'text') for await (const _ of stream.textStream);
        assert.equal((await stream.result()).text, 'thank you both')
      }
      assert.deepEqual(asked, ['que_0', 'per_0'], how)
      assert.deepEqual(replies(await counts()), [1, 1])
    })
  }
})

test('a question and a permission of one status each reach who iterates once', async () => {
  await scenario(AT_ONCE, async ({ chat }, counts) => {
    const stream = await chat.respond('chat_testkit', '/both')
    const asked: string[] = []
    for await (const event of stream) {
      if (event.type !== 'turn.status') continue
      if (event.question) {
        asked.push(event.question.requestId)
        await stream.answer(event.question, [['yes']])
      }
      if (event.permission) {
        asked.push(event.permission.requestId)
        await stream.allow(event.permission)
      }
    }
    assert.deepEqual(asked, ['que_0', 'per_0'])
    assert.equal((await stream.result()).text, 'thank you both')
    assert.deepEqual(replies(await counts()), [1, 1])
  })
})

test('a refusal takes its reason along, and a reason that the agent would not get is refused', async () => {
  await scenario('a-permission-nobody-gives', async ({ chat }, counts) => {
    const lost = { message: 'The agent gets a message with the reply reject only; send once without one.' }
    const id = 'chat_testkit'
    for (const by of ['stream', 'chat']) {
      const stream = await chat.respond(id, '/allow')
      for await (const event of stream) {
        if (event.type !== 'turn.status' || !event.permission) continue
        const { requestId } = event.permission
        await assert.rejects(stream.allow(event.permission, 'once', 'fine'), lost)
        await assert.rejects(chat.replyToPermission(requestId, { id, reply: 'once', message: 'fine' }).then(), lost)
        await assert.rejects(stream.allow(requestId, 'reject', 5 as unknown as string), /^TypeError: message must be a string/)
        if (by === 'stream') await stream.allow(event.permission, 'reject', 'Not here.')
        else await chat.replyToPermission(requestId, { id, reply: 'reject', message: 'Not here.' })
        assert.deepEqual(JSON.parse((await counts()).lastBody), { reply: 'reject', message: 'Not here.' })
      }
    }
  })
})

// PROTOCOL CANCEL-3.
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

/** Sends a message that fails, and one that waits until the chat is free. */
async function sendInVain(chat: Turnwire['chat'], id: string, prompt: RespondParams, error: ErrorClass, options?: RequestOptions) {
  await assert.rejects(chat.sendMessage(id, prompt, options).then(), error)
  // For what would wait for ever.
  const within = { timeout: { total: 60_000 } }
  const turn = await chat.sendMessage(id, { prompt: 'Now me.', onConflict: 'wait' }, within)
  assert.equal(turn.text, 'Now me.')
}

type ErrorClass = new (...args: never[]) => Error

// PROTOCOL CANCEL-3.
test('a message whose answer does not come in time leaves the chat free', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'turnwire-')), 'scenario.json')
  const faults = [{ on: 'respond', neverAnswer: true }]
  writeFileSync(file, JSON.stringify({ says: 'never', call: { operation: 'retrieve' }, faults, expect: {} }))
  for (const timeout of [{ answer: 200 }, { total: 200 }]) {
    await scenario(file, async ({ chat }) => {
      await sendInVain(chat, 'chat_testkit', { prompt: '/hang' }, APITimeoutError, { timeout, maxRetries: 0 })
    })
  }
})

// PROTOCOL CANCEL-3.
test('a message whose turn does not end in time leaves the chat free', async () => {
  const timeout = { total: 1000 }
  await sendInVain(service.client.chat, await newChat(), { prompt: '/slow 100000' }, APITimeoutError, { timeout })
})

// PROTOCOL CANCEL-3.
test('a message whose permission is not given leaves the chat free', async () => {
  await scenario('a-permission-nobody-gives', async ({ chat }) => {
    await sendInVain(chat, 'chat_testkit', { prompt: '/allow' }, InputRequiredError)
    const onPermission = () => {
      throw new RangeError('mine')
    }
    await sendInVain(chat, 'chat_testkit', { prompt: '/allow', onPermission }, RangeError)
  })
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

test('next inside a loop loses nothing', async () => {
  const stream = await service.client.chat.respond(await newChat(), '/long 400')
  const seqs: (number | undefined)[] = []
  for await (const event of stream) {
    seqs.push(event.seq)
    if (seqs.length % 3 !== 2) continue
    const following = await stream.next()
    if (!following.done) seqs.push(following.value.seq)
  }
  assert.ok(seqs.length > 400)
  assert.deepEqual(seqs, upTo(seqs.length))
})

for (const how of ['next', 'loop', 'batches', 'lazy batches', 'text'] as const) {
  test(`a handler that throws takes no event away (${how})`, async () => {
    const asked: string[] = []
    const onQuestion = ({ requestId }: Question) => {
      asked.push(requestId)
      if (asked.length < 3) throw new RangeError('mine')
      return [['yes']]
    }
    const stream = await service.client.chat.respond(await newChat(), { prompt: '/ask', onQuestion })
    const seqs: (number | undefined)[] = []
    let text = ''
    const cursors: (string | undefined)[] = []
    const read = async () => {
      if (how === 'next') for (let next = await stream.next(); !next.done; next = await stream.next()) seqs.push(next.value.seq)
      if (how === 'loop') for await (const { seq } of stream) seqs.push(seq)
      if (how === 'batches') for await (const batch of stream.batches()) seqs.push(...batch.map(({ seq }) => seq))
      if (how === 'lazy batches') {
        for await (const batch of stream.batches({ lazy: true })) seqs.push(...batch.events().map(({ seq }) => seq))
      }
      if (how === 'text') for await (const piece of stream.textStream) text += piece
    }
    for (let time = 0; time < 2; time += 1) {
      await assert.rejects(read(), /^RangeError: mine$/)
      cursors.push(stream.cursor)
    }
    assert.equal(cursors[0], cursors[1])
    await read()
    assert.equal(asked.length, 3)
    assert.equal(new Set(asked).size, 1)
    const turn = await stream.result()
    assert.match(turn.text, /yes/)
    // What was written before the question, and after it.
    if (how === 'text') assert.ok(text.startsWith('I must ask') && text.endsWith(turn.text), text)
    else assert.deepEqual(seqs, upTo(seqs.length))
    assert.equal(stream.snapshot.ended, true)
  })
}

test('a second reader is refused while a handler works for the first, which loses nothing', async () => {
  for (const how of ['loop', 'batches'] as const) {
    let give: (answers: string[][]) => void = () => {}
    const answers = new Promise<string[][]>((resolve) => (give = resolve))
    let asked: () => void = () => {}
    const working = new Promise<void>((resolve) => (asked = resolve))
    const onQuestion = () => {
      asked()
      return answers
    }
    const stream = await service.client.chat.respond(await newChat(), { prompt: '/ask', onQuestion })
    const seqs: (number | undefined)[] = []
    const reading = (async () => {
      if (how === 'loop') for await (const { seq } of stream) seqs.push(seq)
      else for await (const batch of stream.batches()) seqs.push(...batch.map(({ seq }) => seq))
    })()
    await working
    for (const other of [stream[Symbol.asyncIterator](), stream.batches(), stream.textStream]) {
      await assert.rejects(other.next(), /^Error: Two readers wait/)
    }
    give([['yes']])
    await reading
    assert.deepEqual(seqs, upTo(seqs.length), how)
  }
})
