import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { APIUserAbortError, type StreamState, Turnwire } from 'turnwire'
import { KEY, practice, ROOT, start, TESTKIT } from './support/server.js'

const service = practice()
const newChat = async () => (await service.client.chat.create()).id
const soon = () => new Promise((resolve) => setImmediate(resolve))

/** A service whose first answer breaks off, and its client. */
async function broken<T>(body: (client: Turnwire) => Promise<T>): Promise<T> {
  const file = join(ROOT, 'tests/conformance/http/cut-after-some-events.json')
  const running = await start(TESTKIT, [file], /^listening on (http:\S+)$/)
  try {
    return await body(new Turnwire({ baseURL: running.baseURL, apiKey: KEY, backoffScale: 0 }))
  } finally {
    await running.stop()
  }
}

async function warningsOf(body: () => Promise<void>): Promise<(Error & { detail?: string })[]> {
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  try {
    await body()
    await soon()
    await soon()
  } finally {
    process.off('warning', note)
  }
  return warnings
}

test('an onState that throws or rejects ends neither the process nor the stream, and is told as a warning', async () => {
  const looks: ((state: StreamState) => void)[] = [
    () => {
      throw new Error('mine')
    },
    async () => {
      throw new Error('mine')
    },
    () => {
      throw Object.create(null)
    },
  ]
  for (const onState of looks) {
    const warnings = await warningsOf(() =>
      broken(async (client) => {
        const stream = await client.chat.respond('chat_testkit', { prompt: 'one twö three four five', onState })
        assert.equal((await stream.result()).text, 'one twö three four five')
      }),
    )
    const told = warnings.filter(({ name }) => name === 'TurnwireWarning').map(({ message }) => message)
    assert.deepEqual(told, Array(2).fill('onState threw; the stream continues.'))
  }
})

test('an onState that closes the stream ends a next() that waits', async () => {
  await broken(async (client) => {
    const onState = () => stream.close()
    const stream = await client.chat.respond('chat_testkit', { prompt: 'one twö three four five', onState })
    const types: string[] = []
    for await (const { type } of stream) types.push(type)
    assert.ok(!types.includes('turn.completed'), types.join())
  })
})

test('any number of calls and streams on one signal warn of no leak', async () => {
  const { signal } = new AbortController()
  const id = await newChat()
  const warnings = await warningsOf(async () => {
    const { chat } = service.client
    await Promise.all(Array.from({ length: 30 }, () => chat.retrieve(id, { signal })))
    const relays = await Promise.all(Array.from({ length: 30 }, () => chat.stream(id, {}, { signal })))
    for (const relay of relays) relay.close()
  })
  assert.deepEqual(warnings, [])
})

test('one abort ends everything that waits for it', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const id = await newChat()
  const relays = await Promise.all(Array.from({ length: 12 }, () => service.client.chat.stream(id, {}, { signal })))
  const waiting = relays.map(async (relay) => {
    for await (const _ of relay);
  })
  controller.abort()
  for (const one of waiting) await assert.rejects(one, APIUserAbortError)
})

test('a signal that lives on keeps no stream alive that was left', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args))
  signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args))
  const id = await newChat()
  await (async () => {
    const params = { prompt: '/slow 600', cancelOnClose: true, onState: () => {} }
    await service.client.chat.respond(id, params, { signal })
  })()
  const turnId = (await service.client.chat.retrieve(id)).activeTurnId as string
  const ended = (await service.client.chat.attach(id, { turnId }))!.result()
  const collect = setInterval(gc, 20)
  assert.equal((await ended).status, 'cancelled')
  for (; listeners > 0; ) await soon()
  clearInterval(collect)
})

test('a download nobody reads ends at the abort, and keeps no listener', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const id = await newChat()
  await service.client.chat.files.upload('large.bin', { id, content: new Uint8Array(5_000_000) })
  const down = await service.client.chat.files.download('large.bin', { id }, { signal })
  const reader = down.body!.getReader()
  await reader.read()
  controller.abort(new Error('enough'))
  await assert.rejects(reader.read(), APIUserAbortError)
  await assert.rejects(reader.closed, APIUserAbortError)
})
