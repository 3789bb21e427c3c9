import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before } from 'node:test'
import { Turnwire } from 'turnwire'

/** The checkout. */
export const ROOT = resolve(__dirname, '../../..')

/** The program under test. */
export const TURNWIRE = process.env['TURNWIRE_BIN'] ?? join(ROOT, 'target/debug/turnwire')

/** The service that misbehaves. */
export const TESTKIT = process.env['TURNWIRE_TESTKIT'] ?? join(ROOT, 'target/debug/turnwire-testkit')

export const KEY = 'tw_test_key_of_the_node_tests'

export interface Running {
  baseURL: string
  stop(): Promise<void>
}

/** Starts a program and waits for the line that tells its address. */
export async function start(program: string, args: string[], line: RegExp): Promise<Running> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (data) => (said += data))
  const baseURL = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it listened: ${said}`)))
    createInterface(child.stdout).on('line', (text) => {
      const found = line.exec(text)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  child.removeAllListeners('exit')
  return { baseURL, stop: () => stop(child) }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

/** A server with the practice runtime. */
export async function serve(): Promise<Running> {
  const data = mkdtempSync(join(tmpdir(), 'turnwire-node-'))
  const args = ['serve', '--runtime', 'practice', '--listen', '127.0.0.1:0', '--data', data, '--api-key', KEY]
  const running = await start(TURNWIRE, args, /^listening on (http:\S+)$/)
  return {
    baseURL: running.baseURL,
    async stop() {
      await running.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** A server for the tests of a file, and its client. */
export function practice(): { readonly client: Turnwire; readonly baseURL: string } {
  let running: Running | undefined
  let client: Turnwire | undefined
  before(async () => {
    running = await serve()
    client = new Turnwire({ baseURL: running.baseURL, apiKey: KEY })
  })
  after(() => running?.stop())
  return {
    get client() {
      assert.ok(client, 'the server runs while tests do')
      return client
    },
    get baseURL() {
      assert.ok(running, 'the server runs while tests do')
      return running.baseURL
    },
  }
}
