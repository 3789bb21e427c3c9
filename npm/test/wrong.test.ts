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
  for (const parts of [[{ type: 'text', text: '' }], [{ type: 'dream' }], [{ text: 'no type' }], ['text']]) {
    await assert.rejects(service.client.chat.respond(id, { parts: parts as PromptPart[] }), BadRequestError)
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

test('an interrupted turn is an error, told with the turn', async () => {
  const id = await newChat()
  const stream = await service.client.chat.respond(id, '/slow 600')
  await stream.next()
  await service.client.chat.delete(id)
  const error = await stream.result().catch((error: unknown) => error)
  assert.ok(error instanceof TurnFailedError)
  assert.equal(error.turn?.status, 'interrupted')
})
