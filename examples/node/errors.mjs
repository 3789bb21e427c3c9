// What goes wrong, and how it is told.
//
// Run it beside `turnwire serve --runtime practice`: node examples/node/errors.mjs
import { ChatEndedError, NotFoundError, TurnFailedError, Turnwire } from 'turnwire'

const client = new Turnwire()

await client.chat.retrieve('chat_nowhere').catch((error) => {
  if (!(error instanceof NotFoundError)) throw error
  console.log(`${error.name} ${error.code}: ${error.message}`)
})

// A turn that fails is told as an event; asking for its result is what throws.
const chat = await client.chat.create({ title: 'Errors' })
await client.chat.sendMessage(chat.id, '/fail').catch((error) => {
  if (!(error instanceof TurnFailedError)) throw error
  console.log(`${error.name} ${error.code}: ${error.message} (the turn ${error.turn.status})`)
})

await client.chat.delete(chat.id)
await client.chat.respond(chat.id, 'Are you there?').catch((error) => {
  if (!(error instanceof ChatEndedError)) throw error
  console.log(`${error.name} ${error.code}: ${error.message}`)
})
