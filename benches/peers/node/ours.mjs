// The Node clients of this project, through the package's public API. TURNWIRE_NPM is the package.

import { createRequire } from 'node:module'
import { main } from './task.mjs'

const { LazyEvent, Turnwire } = createRequire(import.meta.url)(process.env.TURNWIRE_NPM)

/** One event after another. */
async function objects(stream, see) {
  for await (const event of stream) if (event.delta !== undefined) see(event.delta)
}

/** What came together. */
async function batches(stream, see) {
  for await (const batch of stream.batches()) for (const event of batch) if (event.delta !== undefined) see(event.delta)
}

/** Events that are read only as far as they are touched. */
async function lazy(stream, see) {
  const touched = 'textDelta' in LazyEvent.prototype
  for await (const batch of stream.batches({ lazy: true })) {
    for (const event of batch) {
      if (event.type !== 'message.part.updated') continue
      const delta = touched ? event.textDelta : event.event.delta
      if (delta !== undefined) see(delta)
    }
  }
}

const client = (reader) => (base) => {
  const turnwire = new Turnwire({ baseURL: base, apiKey: 'bench' })
  return { read: async (load, see) => reader(await turnwire.chat.respond(load, 'Go on.'), see) }
}

await main({ objects: client(objects), batches: client(batches), lazy: client(lazy) })
