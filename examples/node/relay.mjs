// The agent's own events, replayed from a cursor.
//
// Run it beside `turnwire serve`: node examples/node/relay.mjs
import { Turnwire } from 'turnwire'

const client = new Turnwire()
const chat = await client.chat.create({ title: 'Relay' })
await client.chat.sendMessage(chat.id, 'Say hello.')

// 0: from the oldest event kept. A chat that has ended is replayed, then the stream ends.
await client.chat.delete(chat.id)
const relay = await client.chat.stream(chat.id, { lastEventId: 0 })
for await (const item of relay) {
  if (item.kind === 'event') console.log(`${String(item.id ?? '').padStart(4)} ${item.eventType}`)
  if (item.kind === 'gap') console.log(`     older events are gone; going on at ${item.oldest}`)
  if (item.kind === 'reset') console.log(`     the log is shorter than that; going on at ${item.head}`)
}
console.log(`read up to ${relay.lastEventId}`)
