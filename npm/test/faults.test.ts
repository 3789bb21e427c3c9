import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type StreamState, Turnwire } from 'turnwire'
import { ROOT, start, TESTKIT } from './support/server.js'

const CHAT = 'chat_testkit'
const KEY = 'sk_testkit_secret'

interface Counts {
  proxied: number
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

const folder = join(ROOT, 'tests/conformance/http')

test('the client passes every conformance case for its features', { timeout: 300_000 }, async () => {
  const adapter = [process.execPath, '--no-warnings', join(__dirname, 'support/adapter.js')].map((word) => `'${word}'`)
  const args = ['conformance', '--client', adapter.join(' '), '--cases', join(ROOT, 'tests/conformance')]
  const { stdout } = await promisify(execFile)(TESTKIT, args).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(error.stdout + error.stderr)
  })
  const leftOut = /^skipped for want of: (.*)$/m.exec(stdout)?.[1]?.replace(/ \(\d+\)/g, '')
  // What core does for this package, and a cursor made of its parts: this package's is opaque.
  assert.equal(leftOut, 'fold, normalize, parse, resume')
})

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
