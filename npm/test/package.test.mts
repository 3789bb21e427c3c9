import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import * as esm from 'turnwire'

test('both module systems have the same names, and the same things under them', () => {
  const cjs = createRequire(import.meta.url)('turnwire') as Record<string, unknown>
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort())
  for (const [name, value] of Object.entries(esm)) assert.equal(value, cjs[name], name)
  assert.equal(esm.default, esm.Turnwire)
})
