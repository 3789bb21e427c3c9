import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { KEY, practice } from './support/server.js'

const service = practice()
const settings = () => `{ baseURL: '${service.baseURL}', apiKey: '${KEY}' }`
const program = (body: string) => `
  const { Turnwire } = require('turnwire')
  const client = new Turnwire(${settings()})
  const begun = async (prompt) => client.chat.respond((await client.chat.create()).id, prompt)
  ;(async () => { ${body} })()`

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  output: string
}

function node(body: string, whenSaid?: (child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, ['-e', program(body)], { cwd: __dirname, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.once('data', () => whenSaid?.(child))
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (output += data))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })))
}

test('a client that was used and is idle lets the process end', async () => {
  assert.deepEqual(await node(`await client.chat.list()`), { code: 0, signal: null, output: '' })
})

test('a next() that waits keeps the process alive', async () => {
  const body = `
    const stream = await begun('/slow 5')
    for await (const event of stream) if (event.type === 'turn.completed') console.log(event.status)`
  assert.deepEqual(await node(body), { code: 0, signal: null, output: 'completed\n' })
})

test('a stream nobody waits for lets the process end', async () => {
  for (const rest of ['', 'await stream.next()']) {
    const ended = await node(`const stream = await begun('/slow 600'); ${rest}`)
    assert.deepEqual(ended, { code: 0, signal: null, output: '' })
  }
})

test('the process can exit and fail while a next() waits', async () => {
  const exits = await node(`const stream = await begun('/slow 600'); stream.next(); stream.result(); process.exit(7)`)
  assert.equal(exits.code, 7, exits.output)
  const throws = await node(`for await (const event of await begun('/slow 600')) throw new Error('mine')`)
  assert.equal(throws.code, 1)
  assert.match(throws.output, /mine/)
})

test('a signal of the user ends a process that waits', async () => {
  const ended = await node(`console.log('on'); for await (const event of await begun('/slow 600'));`, (child) =>
    child.kill('SIGINT'),
  )
  assert.equal(ended.signal, 'SIGINT')
})

const workerOf = (body: string) =>
  new Worker(
    `const { parentPort } = require('node:worker_threads'); const { createRequire } = require('node:module')
     { const require = createRequire(${JSON.stringify(__filename)}); ${program(body)} }`,
    { eval: true },
  )
const message = (worker: Worker) =>
  new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))

test('workers stream side by side', async () => {
  const body = `
    let count = 0
    for await (const event of await begun('/long 300')) count += 1
    parentPort.postMessage(count)`
  const counts = await Promise.all(Array.from({ length: 4 }, () => message(workerOf(body))))
  assert.ok(counts.every((count) => count === counts[0]), String(counts))
})

test('a worker can be terminated at any moment', async () => {
  const body = `
    const stream = await begun('/slow 600')
    const busy = async () => { for (;;) await client.chat.list() }
    busy(); busy()
    parentPort.postMessage('on')
    for await (const event of stream);`
  for (let round = 0; round < 20; round += 1) {
    const worker = workerOf(body)
    await message(worker)
    await worker.terminate()
  }
  // The addon lives on in this thread.
  assert.ok((await service.client.chat.list()).data.length > 0)
})

test('what is garbage closes its socket', async () => {
  const body = `
    require('node:v8').setFlagsFromString('--expose-gc')
    const gc = require('node:vm').runInNewContext('gc')
    const { id } = await client.chat.create()
    await (async () => { await client.chat.respond(id, { prompt: '/slow 600', cancelOnClose: true }) })()
    const turn = (await client.chat.retrieve(id)).activeTurnId
    const ended = client.chat.attach(id, { turnId: turn }).then((stream) => stream.result())
    const collect = setInterval(gc, 20)
    console.log((await ended).status)
    clearInterval(collect)`
  assert.deepEqual(await node(body), { code: 0, signal: null, output: 'cancelled\n' })
})
