// The agent asks, the program answers.
//
// Run it beside `turnwire serve --runtime practice`: node examples/node/questions.mjs
import { Turnwire } from 'turnwire'

/** Chooses the first option of each question. */
function onQuestion({ questions }) {
  return questions.map(({ question, options }) => {
    console.log(question)
    for (const { label, description } of options) console.log(`  ${label}: ${description}`)
    console.log(`answering ${options[0].label}`)
    return [options[0].label]
  })
}

const client = new Turnwire()
const chat = await client.chat.create({ title: 'Questions' })
const turn = await client.chat.sendMessage(chat.id, { prompt: '/ask', onQuestion })
console.log(turn.text)
