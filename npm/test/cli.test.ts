import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Turnwire } from 'turnwire'
import { KEY, practice, ROOT } from './support/server.js'

const service = practice()
const BIN = join(ROOT, 'npm/bin/turnwire.js')

function turnwire(args: string[], onOutput?: (text: string, child: ChildProcess) => void) {
  const env = { ...process.env, TURNWIRE_BASE_URL: service.baseURL, TURNWIRE_API_KEY: KEY }
  const child = spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (data) => onOutput?.((output += data), child))
  child.stderr.on('data', (data) => (errors += data))
  return new Promise<{ code: number | null; output: string; errors: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, output, errors })),
  )
}

test('the program runs inside Node', async () => {
  const { id } = await service.client.chat.create()
  const { code, output, errors } = await turnwire(['send', id, 'Hello there.'], () => {})
  assert.equal(code, 0, errors)
  assert.match(output, /Hello there\./)
})

test('it says how it is used, and ends with 2', async () => {
  const { code, errors } = await turnwire(['no-such-command'])
  assert.equal(code, 2)
  assert.match(errors, /[Uu]sage/)
})

test('an error ends it with 1, and one sentence', async () => {
  const { code, errors } = await turnwire(['send', 'chat_nowhere', 'Hi'])
  assert.equal(code, 1)
  assert.doesNotMatch(errors, /at .*\.js/)
})

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends it with ${status}`, async () => {
    const { id } = await service.client.chat.create()
    const stream = await service.client.chat.respond(id, '/slow 600')
    // Text means that it is well under way.
    const { code, errors } = await turnwire(['tail', id], (_, child) => child.kill(signal))
    assert.equal(code, status, errors)
    await stream.cancel()
  })
}

const windows = process.platform === 'win32'

/** `turnwire serve` of this package, and a client of it, until `use` has ended it. */
async function serving(args: string[], use: (client: Turnwire, child: ChildProcess, data: string) => Promise<void>) {
  const data = mkdtempSync(join(tmpdir(), 'turnwire-'))
  const all = [BIN, 'serve', '--listen', '127.0.0.1:0', '--api-key', KEY, '--data', data, ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (text) => (errors += text))
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, errors })),
  )
  try {
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text))))
    const baseURL = /listening on (\S+)/.exec(line)?.[1]
    assert.ok(baseURL, line)
    await use(new Turnwire({ baseURL, apiKey: KEY }), child, data)
    return await ended
  } finally {
    child.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
}

for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGINT', 130],
] as const) {
  test(`a server of the package ends its turns before ${signal} ends it`, { skip: windows }, async () => {
    let last: unknown
    const { code, errors } = await serving(['--runtime', 'practice'], async (client, child) => {
      const { id } = await client.chat.create()
      for await (const event of await client.chat.respond(id, '/slow 600')) {
        if (event.type === 'turn.started') child.kill(signal)
        last = event
      }
    })
    const { type, status: turn } = last as { type: string; status: string }
    assert.deepEqual([type, turn, code], ['turn.completed', 'interrupted', status], errors)
    assert.match(errors, /stopping/)
  })
}

const opencode = process.env['TURNWIRE_OPENCODE']
const without = opencode && process.platform === 'linux' ? false : 'set TURNWIRE_OPENCODE to an opencode program'
for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(`a server of the package leaves no agent behind at ${signal}`, { skip: without }, async () => {
    let agent = 0
    await serving(['--practice-model', '--opencode', opencode ?? ''], async (client, child, data) => {
      const { id } = await client.chat.create()
      await client.chat.sendMessage(id, 'Hello')
      agent = JSON.parse(readFileSync(join(data, 'opencode/process.json'), 'utf8')).pid
      child.kill(signal)
    })
    const stat = `/proc/${agent}/stat`
    assert.ok(!existsSync(stat) || readFileSync(stat, 'utf8').includes(') Z '))
  })
}
