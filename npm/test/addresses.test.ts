import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Turnwire } from 'turnwire'
import { ROOT } from './support/server.js'

/** A case of tests/conformance/addresses.json: a base URL and a prefix lead to a path, or are refused. */
interface Case {
  base: string
  prefix?: string
  refused?: string
  path?: string
}

const cases = JSON.parse(readFileSync(join(ROOT, 'tests/conformance/addresses.json'), 'utf8')) as Case[]
const paths: (string | undefined)[] = []
const server = createServer((request, response) => {
  paths.push(request.url)
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"chat_1"}')
})
before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
after(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())))

for (const { base, prefix, refused, path } of cases) {
  test(`an address is right or refused in a sentence: ${JSON.stringify([base, prefix])}`, async () => {
    paths.length = 0
    const baseURL = base.replace('{service}', `127.0.0.1:${(server.address() as AddressInfo).port}`)
    const make = () => new Turnwire({ baseURL, apiKey: 'sk_test', ...(prefix !== undefined && { prefix }) })
    if (refused !== undefined) {
      assert.throws(make, (error: Error) => {
        assert.ok(error instanceof TypeError)
        return error.message.includes(refused) && !error.message.includes('sesame')
      })
    } else {
      await make().chat.retrieve('chat_1')
    }
    assert.deepEqual(paths, path === undefined ? [] : [path])
  })
}
