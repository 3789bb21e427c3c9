// The program of the README: a turn's text as it is written, a question answered, the turn at the end.
//
// Run it beside `turnwire serve`: node examples/node/hello.mjs
import { Turnwire, textDelta } from 'turnwire'

const client = new Turnwire()
const chat = await client.chat.create({ title: 'Review' })
const stream = await client.chat.respond(chat.id, 'List the open points.')
for await (const event of stream) {
  process.stdout.write(textDelta(event) ?? '')
  if (event.type === 'turn.status' && event.question) await stream.answer(event.question, [['yes']])
}
const turn = await stream.result()
console.log(`\n${turn.status}, ${turn.costMicros} µ$`)
