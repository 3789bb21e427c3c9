import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { KEY, practice, ROOT } from './support/server.js'

const service = practice()
const run = promisify(execFile)
const env = () => ({ ...process.env, TURNWIRE_BASE_URL: service.baseURL, TURNWIRE_API_KEY: KEY })

/** Runs a program where `turnwire` resolves to this package, as it does for its users. */
async function asUser(name: string, source: string): Promise<string> {
  const folder = mkdtempSync(join(__dirname, 'user-'))
  try {
    writeFileSync(join(folder, name), source)
    return (await run(process.execPath, [join(folder, name)], { env: env() })).stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the program of the README runs as it stands there', async () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, source]) => source as string)
  assert.ok(programs.length > 0)
  for (const source of programs) {
    assert.match(await asUser('readme.mjs', source), /List the open points\.\s+completed, \d+ µ\$/)
  }
})

const folder = join(ROOT, 'examples/node')
for (const name of readdirSync(folder).filter((name) => name.endsWith('.mjs'))) {
  test(`examples/node/${name} runs`, async () => {
    const source = readFileSync(join(folder, name), 'utf8')
    assert.ok(source.split('\n').length < 40, 'an example fits on a screen')
    assert.match(await asUser(name, source), /\S/)
  })
}
