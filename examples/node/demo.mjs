// One turn with a tool call, every event as it comes: TURNWIRE_BASE_URL=… node examples/node/demo.mjs
import { Turnwire, textDelta } from 'turnwire'

const began = performance.now()
let events = 0
const client = new Turnwire()
const chat = await client.chat.create({ title: 'Demo from Node' })
const stream = await client.chat.respond(chat.id, '/tool Write a file and tell me about it.')
for await (const event of stream) {
  events += 1
  console.log(`${String(event.seq).padStart(4)} ${event.type.padEnd(21)} ${textDelta(event) ?? ''}`)
}
const turn = await stream.result()
await client.chat.delete(chat.id)
console.log(turn.text)
console.log(`node    turn.completed  ${turn.status}, ${events} events, ${((performance.now() - began) / 1000).toFixed(1)} s`)
