import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as esm from 'turnwire'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

test('both module systems have the same names, and the same things under them', () => {
  const cjs = createRequire(import.meta.url)('turnwire') as Record<string, unknown>
  // The marks of a compiler and of newer Nodes, which only one of them shows.
  const names = Object.keys(esm).filter((name) => name !== '__esModule' && name !== 'module.exports')
  assert.deepEqual(names.sort(), Object.keys(cjs).sort())
  for (const name of names) assert.equal((esm as Record<string, unknown>)[name], cjs[name], name)
  assert.equal(esm.default, esm.Turnwire)
})

test('the package holds what it runs with, and nothing else', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json'], { cwd: ROOT })
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  const rest = paths.filter((path) => !/^dist\/[\w-]+\.(js|mjs|d\.ts|d\.mts)$/.test(path))
  const plain = rest.filter((path) => !/^turnwire\..*\.node$/.test(path))
  assert.deepEqual(plain.sort(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'bin/turnwire.js', 'package.json'])
  assert.equal(rest.length, plain.length + 1, 'with the addon of this machine')
})
