import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { KEY, practice } from './support/server.js'

const service = practice()

/** Runs a program that puts other things in the place of globals before or after it imports the library. */
async function run(before: string, after: string): Promise<string> {
  const body = `${before}
    const { Turnwire, textDelta } = require('turnwire')
    ${after}
    ;(async () => {
      const client = new Turnwire({ baseURL: '${service.baseURL}', apiKey: '${KEY}' })
      const { id } = await client.chat.create()
      await client.chat.files.upload('a.txt', { id, content: 'ä' })
      let text = ''
      const stream = await client.chat.respond(id, { prompt: 'Hi', onState() {} })
      for await (const event of stream) text += textDelta(event) ?? ''
      const turn = await stream.result()
      process.stdout.write(String(text === turn.text && (await client.chat.files.list(id)).files.length))
    })().catch((error) => { process.stdout.write(error.stack); process.exitCode = 1 })`
  const child = spawn(process.execPath, ['-e', body], { cwd: __dirname, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  await new Promise((resolve) => child.on('close', resolve))
  return output
}

// What jsdom's window and clocks of tests put there: timers that give numbers, or never ring, and classes of their own.
const OTHER = `
  const never = () => 1
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'clearTimeout', 'clearInterval', 'fetch']) {
    globalThis[name] = never
  }
  const classes = ['Response', 'Request', 'Headers', 'ReadableStream', 'TextEncoder', 'TextDecoder', 'Blob', 'File', 'Event', 'EventTarget']
  for (const name of [...classes, 'AbortController', 'AbortSignal', 'URL', 'URLSearchParams', 'performance', 'FormData', 'Buffer']) {
    Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true })
  }`

test('it works where a test environment has put other globals in place before the import', async () => {
  assert.equal(await run(OTHER, ''), '1')
})

test('it works where a test environment puts other globals in place after the import', async () => {
  assert.equal(await run('', OTHER), '1')
})
