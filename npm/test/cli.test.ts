import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
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
