// A browser's `EventSource` on a stream token, its connection cut in the middle of a turn.
//
// Usage: node eventsource.mjs BASE_URL API_KEY      (needs eventsource@4 from npm)
import net from 'node:net'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [baseUrl, apiKey] = process.argv.slice(2)
// From wherever it is installed: beside this file, or in the folder this is started from.
const require = createRequire(pathToFileURL(`${process.cwd()}/`))
const { EventSource } = await import(pathToFileURL(require.resolve('eventsource')))

async function call(method, path, body) {
  const answer = await fetch(`${baseUrl}/agent/v2/chat${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}` },
    body: body && JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

// Everything goes through here, so that the connection can be cut.
const target = new URL(baseUrl)
const sockets = new Set()
let connections = 0
const proxy = net.createServer((inner) => {
  connections += 1
  const outer = net.connect(Number(target.port), target.hostname)
  sockets.add(inner)
  for (const [from, to] of [[inner, outer], [outer, inner]]) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
})
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))

const chat = await (await call('POST', '', {})).json()
const token = await (await call('POST', `/${chat.id}/stream-token`)).json()
const url = new URL(token.streamUrl)
url.port = String(proxy.address().port)
url.searchParams.set('lastEventId', '0')

const ids = []
const types = []
let cut = false
const source = new EventSource(url)
const ended = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`nothing more came after ${ids.at(-1)}`)), 60_000).unref()
  source.onerror = (event) => { if (event.code && event.code !== 200) reject(new Error(event.message)) }
  source.onmessage = (event) => {
    ids.push(Number(event.lastEventId))
    const raw = JSON.parse(event.data)
    types.push(raw.type)
    if (!cut && raw.type === 'message.part.delta') {
      cut = true
      for (const socket of sockets) socket.destroy()
    }
    if (raw.type === 'session.idle') resolve()
  }
})
await call('POST', `/${chat.id}/message`, { parts: [{ type: 'text', text: '/slow 5' }] })
await ended
source.close()
proxy.close()
for (const socket of sockets) socket.destroy()
ids.forEach((id, at) => { if (id !== at + 1) throw new Error(`after ${at} came ${id}`) })
if (connections < 2) throw new Error('the connection was never made again')
if (!types.includes('turnwire.turn.accepted')) throw new Error(types.join())
console.log('ok')
