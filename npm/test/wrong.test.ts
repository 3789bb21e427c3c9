import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  APIStatusError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  type PromptPart,
  type RequestOptions,
  TurnFailedError,
  Turnwire,
} from 'turnwire'
import { practice } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create()).id

test('no key and a wrong key are refused', async () => {
  for (const options of [{}, { apiKey: 'wrong' }]) {
    const client = new Turnwire({ baseURL: service.baseURL, ...options })
    await assert.rejects(client.chat.create(), AuthenticationError)
    await assert.rejects(client.chat.respond('chat_1', 'Hi'), AuthenticationError)
    await assert.rejects(client.chat.stream('chat_1'), AuthenticationError)
  }
})

test('parts that say nothing, or nothing known, are refused', async () => {
  const id = await newChat()
  await assert.rejects(service.client.chat.respond(id, { parts: [{ type: 'text', text: '' }] }), TypeError)
  const dream = [{ type: 'dream' }] as unknown as PromptPart[]
  await assert.rejects(service.client.chat.respond(id, { parts: dream }), BadRequestError)
  for (const parts of [[{ text: 'no type' }], ['text'], [null]] as unknown as PromptPart[][]) {
    await assert.rejects(service.client.chat.respond(id, { parts }), TypeError)
  }
  assert.equal((await service.client.chat.sendMessage(id, 'Still there?')).status, 'completed')
})

test('a prompt of 5 MB is too large, and says so', async () => {
  const large = service.client.chat.respond(await newChat(), 'x'.repeat(5_000_000))
  const error = await large.catch((error: unknown) => error)
  assert.ok(error instanceof APIStatusError)
  assert.equal(error.status, 413)
  assert.equal(error.code, 'payload_too_large')
})

test('a path out of the workspace reads and writes nothing', async () => {
  const { files } = service.client.chat
  const id = await newChat()
  const outside = [
    '../outside.txt', '/etc/passwd', 'a/../../outside.txt', '..', '%2e%2e/outside.txt', '..\\outside.txt',
  ]
  for (const path of outside) {
    const read = await files.download(path, { id }).catch((error: unknown) => error)
    assert.ok(read instanceof BadRequestError || read instanceof NotFoundError || read instanceof TypeError, path)
  }
  await assert.rejects(files.upload('../outside.txt', { id, content: 'x' }), (error) => error instanceof Error)
  assert.deepEqual((await files.list(id)).files, [])
})

test('arguments of another type are a TypeError in a sentence', async () => {
  const { chat } = service.client
  const id = await newChat()
  const wrong = [
    () => chat.create({ title: 7 as unknown as string }),
    () => chat.respond(id, undefined as unknown as string),
    () => chat.sendMessage(id, undefined as unknown as string),
    () => chat.sendMessage(id, '/ask', { onQuestion: () => [['yes']] } as RequestOptions),
    () => chat.retrieve(7 as unknown as string),
    () => chat.replyToQuestion('que_1', { id, answers: ['yes'] as unknown as string[][] }),
    () => chat.replyToPermission('per_1', { id, reply: 'maybe' as 'once' }),
    () => chat.stream(id, { lastEventId: -1 }),
    () => chat.respond(id, { prompt: 'Hi', onConflict: 'ignore' as 'wait' }),
    () => chat.resume('no cursor'),
  ]
  for (const call of wrong) {
    await assert.rejects(async () => call(), (error) => error instanceof TypeError && error.message.endsWith('.'))
  }
})

test('a name that is not known is an error that tells it', async () => {
  const { chat } = service.client
  const id = await newChat()
  // What the compiler would refuse, as JavaScript lets it through.
  const wrong: [() => unknown, RegExp][] = [
    [() => new Turnwire({ baseUrl: service.baseURL } as object), /takes no "baseUrl", only .*baseURL/],
    [() => new Turnwire('foo' as unknown as object), /A client takes an object, .*this is a string/],
    [() => service.client.withOptions({ retries: 1 } as object), /no "retries"/],
    [() => chat.create({ foo: 5 } as object), /create takes no "foo", only title, /],
    [() => chat.create('x' as unknown as object), /create takes an object, such as \{ title \}/],
    [() => chat.create({}, { timeout: { idel: 1 } as object }), /timeout takes no "idel", only connect, /],
    [() => chat.create({}, { timeot: 1 } as object), /no "timeot"/],
    [() => chat.create({}, 'x' as unknown as object), /takes an object/],
    [() => chat.retrieve(id, { signal: 5 as unknown as AbortSignal }), /signal is an AbortSignal/],
    [() => chat.respond(id, { prompt: 'Hi', onconflict: 'wait' } as object), /respond takes no "onconflict"/],
    [() => chat.respond(id, 'Hi', { onConflict: 'wait' } as object), /together with the prompt.*\{ prompt, onConflict \}/],
    [() => chat.sendMessage(id, 'Hi', { onConflict: 'wait' } as object), /\{ prompt, onConflict \}/],
    [() => chat.respond(id, 5 as unknown as string), /A prompt is a string or an object/],
    [() => chat.respond(id, { prompt: 5 as unknown as string }), /A prompt is a string or an object/],
    [() => chat.sendMessage(id, { prompt: 'Hi', onquestion: 'wait' } as object), /sendMessage takes no "onquestion"/],
    [() => chat.cancel(id, { turn: 'x' } as object), /cancel takes no "turn"/],
    [() => chat.list({ limt: 1 } as object), /list takes no "limt", only limit, cursor, status/],
    [() => chat.files.download(id, 'path' as unknown as { id: string }), /download\(path, \{ id \}\)/],
    [() => chat.retrieve({ id } as unknown as string), /^id must be a string, not an object\.$/],
    [() => chat.stream(id, { lastEventId: -1 }), /^lastEventId must be a whole number of 0 or more, not /],
  ]
  for (const [call, told] of wrong) {
    const error = await Promise.resolve().then(call).catch((error: unknown) => error)
    assert.ok(error instanceof TypeError && error.message.endsWith('.'), `${call}: ${error}`)
    assert.match(error.message, told)
  }
})

test('answers of another form are told so, and the question can still be answered', async () => {
  const id = await newChat()
  const stream = await service.client.chat.respond(id, '/ask')
  const form = { name: 'TypeError', message: "Answers are one list of strings for each question, such as [['yes']]." }
  for await (const event of stream) {
    if (event.type !== 'turn.status' || event.question === undefined) continue
    for (const answers of ['yes', ['yes'], [[1]], undefined]) {
      await assert.rejects(stream.answer(event.question, answers as unknown as string[][]), form)
    }
    await assert.rejects(stream.answer(undefined as unknown as string, [['yes']]), /or its requestId\.$/)
    await assert.rejects(stream.allow('per_1', 5 as unknown as 'once'), /once, always or reject, not "5"\.$/)
    await stream.answer(event.question, [['yes']])
  }
  assert.equal((await stream.result()).status, 'completed')
  const onQuestion = () => 'yes' as unknown as string[][]
  await assert.rejects(service.client.chat.sendMessage(id, { prompt: '/ask', onQuestion }), form)
})

test('an interrupted turn is an error, told with the turn', async () => {
  const id = await newChat()
  const stream = await service.client.chat.respond(id, '/slow 600')
  await stream.next()
  await service.client.chat.delete(id)
  const error = await stream.result().catch((error: unknown) => error)
  assert.ok(error instanceof TurnFailedError)
  assert.equal(error.turn?.status, 'interrupted')
})
