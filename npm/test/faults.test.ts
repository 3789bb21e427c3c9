import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect, promisify } from 'node:util'
import {
  APIError,
  type ClientOptions,
  type RequestOptions,
  type RespondParams,
  type StreamState,
  textDelta,
  type Timeout,
  type Turn,
  TurnAccumulator,
  TurnwireError,
  Turnwire,
} from 'turnwire'
import { difference } from './support/difference.js'
import { ROOT, start, TESTKIT } from './support/server.js'

const CHAT = 'chat_testkit'
const KEY = 'sk_testkit_secret'

interface Scenario {
  says: string
  call: {
    operation: string
    prompt?: string
    resume?: NonNullable<RespondParams['resume']>
    onConflict?: NonNullable<RespondParams['onConflict']>
    acquainted?: boolean
    options?: Omit<RequestOptions, 'timeout'> & { timeout?: number | Record<`${keyof Timeout}Ms`, number> }
    maxEventBytes?: number
    tls?: boolean
    caBundle?: boolean
    proxy?: boolean
    socks?: boolean
  }
  expect: {
    status?: string
    text?: string
    error?: string
    code?: string
    message?: string
    httpStatus?: number
    everyEventOnce?: boolean
    turns?: number
    requests?: Record<string, number>
    elsewhere?: number
    proxied?: number
    relayed?: number
    notices?: string[]
    bytes?: number
    answer?: unknown
    closed?: boolean
  }
}

interface Counts {
  turns: number
  requests: Record<string, number>
  elsewhere: number
  proxied: number
  secretsElsewhere: boolean
  openConnections: number
}

interface Outcome {
  turn?: Turn | undefined
  seqs: number[]
  ended: boolean
  deltas: string
  relayed: number
  notices: string[]
  bytes?: number
  answer?: unknown
  error?: unknown
}

function optionsOf({ options = {} }: Scenario['call']): RequestOptions {
  const { timeout, ...rest } = options
  if (timeout === undefined) return rest
  if (typeof timeout === 'number') return { ...rest, timeout }
  const clocks = Object.entries(timeout).map(([name, ms]) => [name.replace(/Ms$/, ''), ms])
  return { ...rest, timeout: Object.fromEntries(clocks) as Timeout }
}

async function respond(client: Turnwire, call: Scenario['call'], prompt: string, outcome: Outcome): Promise<void> {
  const { resume, onConflict } = call
  const params = { prompt, ...(resume && { resume }), ...(onConflict && { onConflict }) }
  const stream = await client.chat.respond(CHAT, params, optionsOf(call))
  const fold = new TurnAccumulator()
  try {
    for await (const event of stream) {
      if (event.seq) outcome.seqs.push(event.seq)
      outcome.deltas += textDelta(event) ?? ''
      outcome.ended ||= event.type === 'turn.completed'
      fold.push(event)
    }
  } catch (error) {
    assert.ok(error instanceof TurnwireError)
    assert.deepEqual(error.turn, fold.turn, 'the error holds the turn so far')
    assert.equal((await stream.next()).done, true, 'an error ends the stream')
    throw error
  }
  assert.deepEqual(stream.snapshot, fold.turn, 'the snapshot is the fold of what was told')
  outcome.turn = stream.snapshot
  await stream.result()
}

async function relay(client: Turnwire, call: Scenario['call'], prompt: string, outcome: Outcome): Promise<void> {
  const live = call.operation === 'relayLive'
  const stream = await client.chat.stream(CHAT, live ? {} : { lastEventId: 0 }, optionsOf(call))
  assert.equal(stream.lastEventId, 0)
  if (live) await client.chat.sendMessage(CHAT, prompt)
  for await (const item of stream) {
    if (item.kind === 'event') {
      outcome.relayed += 1
      assert.equal(item.id, outcome.relayed, 'no event twice, none missing')
    } else {
      outcome.notices.push(item.kind === 'gap' ? `gap ${item.oldest}` : `reset ${item.head}`)
    }
    if (outcome.relayed === 15) break
  }
  assert.equal(stream.lastEventId, 15)
}

async function run(client: Turnwire, { call }: Scenario): Promise<Outcome> {
  const prompt = call.prompt ?? 'one twö three four five'
  const outcome: Outcome = { seqs: [], ended: false, deltas: '', relayed: 0, notices: [] }
  const options = optionsOf(call)
  if (call.acquainted) await client.chat.retrieve(CHAT)
  const operations: Record<string, () => Promise<unknown>> = {
    respond: () => respond(client, call, prompt, outcome),
    sendMessage: async () => (outcome.turn = await client.chat.sendMessage(CHAT, prompt, options)),
    create: async () => (outcome.answer = await client.chat.create({}, options)),
    retrieve: async () => (outcome.answer = await client.chat.retrieve(CHAT, options)),
    delete: async () => (outcome.answer = await client.chat.delete(CHAT, options)),
    cancel: async () => (outcome.answer = await client.chat.cancel(CHAT, {}, options)),
    list: async () => (outcome.answer = await client.chat.list({}, options)),
    files: async () => (outcome.answer = await client.chat.files.list(CHAT, options)),
    download: async () => {
      const file = await client.chat.files.download('a/file.txt', { id: CHAT }, options)
      outcome.bytes = (await file.arrayBuffer()).byteLength
    },
    relay: () => relay(client, call, prompt, outcome),
    relayLive: () => relay(client, call, prompt, outcome),
  }
  const operation = operations[call.operation]
  assert.ok(operation, call.operation)
  try {
    await operation()
  } catch (error) {
    if (!(error instanceof TurnwireError)) throw error
    outcome.error = error
    outcome.turn = error.turn ?? outcome.turn
  }
  return outcome
}

function check({ expect }: Scenario, outcome: Outcome): void {
  const { error, turn } = outcome
  const shown = inspect(error, { depth: 10, showHidden: true })
  assert.equal((error as Error | undefined)?.name, expect.error, shown)
  assert.ok(!shown.includes(KEY), shown)
  if (expect.message !== undefined) assert.ok((error as Error).message.includes(expect.message), shown)
  const expected = (name: keyof Scenario['expect'], found: unknown) => {
    if (expect[name] !== undefined) assert.deepEqual(found, expect[name], name)
  }
  expected('status', turn?.status)
  expected('text', turn?.text)
  expected('code', (error as TurnwireError | undefined)?.code)
  expected('httpStatus', error instanceof APIError ? error.status : undefined)
  expected('bytes', outcome.bytes)
  expected('relayed', outcome.relayed)
  expected('notices', outcome.notices)
  if (expect.answer !== undefined) assert.equal(difference(expect.answer, outcome.answer), undefined)
  if (expect.everyEventOnce) {
    assert.deepEqual(outcome.seqs, outcome.seqs.map((_, index) => index + 1))
    assert.ok(outcome.ended)
  }
  if (outcome.ended && turn !== undefined) assert.equal(outcome.deltas, turn.text)
}

async function checkCounts({ expect }: Scenario, baseURL: string): Promise<void> {
  const ask = async () => {
    const answer = await fetch(`${baseURL}/_testkit`, { headers: { connection: 'close' } })
    return (await answer.json()) as Counts
  }
  let counts = await ask()
  // The one that asks is open too.
  while (expect.closed && counts.openConnections > 1) {
    await sleep(10)
    counts = await ask()
  }
  if (expect.turns !== undefined) assert.equal(counts.turns, expect.turns, 'turns')
  if (expect.proxied !== undefined) assert.equal(counts.proxied, expect.proxied, 'proxied')
  if (expect.elsewhere !== undefined) assert.equal(counts.elsewhere, expect.elsewhere, 'elsewhere')
  for (const [name, count] of Object.entries(expect.requests ?? {})) {
    assert.equal(counts.requests[name] ?? 0, count, name)
  }
  assert.equal(counts.secretsElsewhere, false)
}

interface Tls {
  url: string
  ca: string
}

async function tlsOf(url: string): Promise<Tls> {
  return (await (await fetch(`${url}/_testkit/tls`, { headers: { connection: 'close' } })).json()) as Tls
}

/** Writes a CA's certificate to a file. */
function fileOf(ca: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'turnwire-ca-')), 'ca.pem')
  writeFileSync(file, ca)
  return file
}

/** The service as the scenario's caller is to see it. */
async function reach(url: string, call: Scenario['call']): Promise<ClientOptions> {
  const tls = call.tls ? await tlsOf(url) : undefined
  const baseURL = call.proxy ? `${tls ? 'https' : 'http'}://service.invalid` : (tls?.url ?? url)
  return {
    baseURL,
    ...(call.proxy && { proxy: call.socks ? url.replace('http:', 'socks5h:') : url }),
    ...(tls && call.caBundle && { caBundle: fileOf(tls.ca) }),
  }
}

const folder = join(ROOT, 'tests/conformance/http')
for (const name of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const scenario = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Scenario
  test(scenario.says, { timeout: 30_000 }, async () => {
    const service = await start(TESTKIT, [join(folder, name)], /^listening on (http:\S+)$/)
    try {
      const { maxEventBytes } = scenario.call
      const where = await reach(service.baseURL, scenario.call)
      const client = new Turnwire({ ...where, apiKey: KEY, backoffScale: 0, ...(maxEventBytes && { maxEventBytes }) })
      check(scenario, await run(client, scenario))
      await checkCounts(scenario, service.baseURL)
    } finally {
      await service.stop()
    }
  })
}

test('a CA and a proxy of the environment are used', { timeout: 60_000 }, async () => {
  const service = await start(TESTKIT, [join(folder, 'tls-of-a-private-ca.json')], /^listening on (http:\S+)$/)
  const code = `
    const { Turnwire, APIError } = require('turnwire')
    const client = new Turnwire({ baseURL: process.argv[1], apiKey: 'k', backoffScale: 0 })
    const told = (error) => { if (error instanceof APIError) return { status: error.code }; throw error }
    client.chat.sendMessage('chat_testkit', 'one').catch(told).then(({ status }) => console.log(status))
  `
  const names = ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']
  const clean = Object.entries(process.env).filter(([name]) => !names.includes(name.toUpperCase()))
  const comeTo = async (address: string, variables: Record<string, string> = {}) => {
    const env = { ...Object.fromEntries(clean), ...variables }
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', code, address], { env, cwd: join(ROOT, 'npm') })
    return stdout.trim()
  }
  try {
    const tls = await tlsOf(service.baseURL)
    const ca = { SSL_CERT_FILE: fileOf(tls.ca) }
    const behind = { ...ca, HTTPS_PROXY: service.baseURL }
    assert.equal(await comeTo(tls.url), 'certificate_refused')
    assert.equal(await comeTo(tls.url, ca), 'completed')
    assert.equal(await comeTo(tls.url, { NODE_EXTRA_CA_CERTS: ca.SSL_CERT_FILE }), 'completed')
    assert.equal(await comeTo('https://service.invalid', behind), 'completed')
    assert.equal(await comeTo('https://service.invalid', { ...behind, NO_PROXY: 'service.invalid' }), 'connection_failed')
    // The local server's key stays on this machine.
    const proxied = async () => {
      const answer = await fetch(`${service.baseURL}/_testkit`, { headers: { connection: 'close' } })
      return ((await answer.json()) as Counts).proxied
    }
    const before = await proxied()
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) {
      assert.equal(await comeTo(service.baseURL, { [name]: service.baseURL }), 'completed')
      const localhost = service.baseURL.replace('127.0.0.1', 'localhost')
      assert.equal(await comeTo(localhost, { [name]: 'http://127.0.0.1:1' }), 'completed')
    }
    assert.equal(await proxied(), before)
    assert.equal(await comeTo('http://service.invalid', { HTTP_PROXY: 'http://127.0.0.1:1' }), 'proxy_unreachable')
    const socks = service.baseURL.replace('http:', 'socks5h:')
    assert.equal(await comeTo('http://service.invalid', { ALL_PROXY: socks }), 'completed')
  } finally {
    await service.stop()
  }
})

test('a process that can open no more files is told so, and goes on when it can', { skip: process.platform === 'win32' }, async () => {
  const service = await start(TESTKIT, [join(folder, 'a-healthy-turn.json')], /^listening on (http:\S+)$/)
  const code = `
    const { closeSync, openSync } = require('node:fs')
    const { Turnwire } = require('turnwire')
    const options = { baseURL: process.argv[1], apiKey: 'k', backoffScale: 0 }
    const [client, other] = [new Turnwire(options), new Turnwire(options)]
    async function run() {
      if (process.argv[2] === 'at a later one') await other.chat.retrieve('chat_testkit')
      const files = []
      try {
        for (;;) files.push(openSync('/dev/null'))
      } catch {}
      const told = await client.chat.sendMessage('chat_testkit', 'one').catch((error) => error)
      files.forEach(closeSync)
      const { status } = await client.chat.sendMessage('chat_testkit', 'one')
      console.log(told.name, told.code, told.retryable, /ulimit/.test(told.message), status)
    }
    run()
  `
  try {
    for (const when of ['at the first request', 'at a later one']) {
      for (const address of [service.baseURL, service.baseURL.replace('127.0.0.1', 'localhost')]) {
        const limited = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, '-e', code, address, when]
        const { stdout } = await promisify(execFile)('sh', limited, { cwd: join(ROOT, 'npm') })
        assert.equal(stdout.trim(), 'APIConnectionError too_many_open_files true true completed', `${when} ${address}`)
      }
    }
  } finally {
    await service.stop()
  }
})

test('a break is told to those who want to know, and is no event', async () => {
  const file = join(folder, 'cut-after-some-events.json')
  for (const how of ['iterate', 'result'] as const) {
    const service = await start(TESTKIT, [file], /^listening on (http:\S+)$/)
    try {
      const client = new Turnwire({ baseURL: service.baseURL, apiKey: KEY, backoffScale: 0 })
      const states: StreamState[] = []
      const onState = (state: StreamState) => void states.push(state)
      const stream = await client.chat.respond(CHAT, { prompt: 'one two three', onState })
      const seqs: number[] = []
      if (how === 'iterate') for await (const event of stream) seqs.push(event.seq ?? 0)
      assert.deepEqual(seqs, seqs.map((_, index) => index + 1))
      assert.equal((await stream.result()).text, 'one two three')
      const resuming = { state: 'resuming', attempt: 1, waitMs: 0, cause: 'connection_lost' }
      assert.deepEqual(states, [resuming, { state: 'resumed' }])
    } finally {
      await service.stop()
    }
  }
})
