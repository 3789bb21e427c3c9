import type { Chats } from './chat.js'
import type { RequestOptions } from './options.js'
import type { Answer } from './promise.js'
import type { SendMessageParams } from './prompt.js'
import type { Turn } from './turn.js'

/** `respond`, folded; what the agent asks on the way is put to the handlers. */
export async function send(
  chats: Chats,
  id: string,
  prompt: string | SendMessageParams,
  options: RequestOptions | undefined,
): Promise<Answer<Turn>> {
  const { onQuestion, onPermission, ...given } = typeof prompt === 'string' ? { prompt } : prompt
  const { data: stream, response } = await chats.respond(id, given, options).withResponse()
  stream.expect({ questions: onQuestion !== undefined, permissions: onPermission !== undefined })
  if (typeof onQuestion === 'function' || typeof onPermission === 'function') {
    for await (const event of stream) {
      if (event.type !== 'turn.status') continue
      const { question, permission } = event
      if (question && typeof onQuestion === 'function') {
        const answers = await onQuestion(question)
        await (answers === undefined ? stream.reject(question) : stream.answer(question, answers))
      }
      if (permission && typeof onPermission === 'function') {
        await stream.allow(permission, await onPermission(permission))
      }
    }
  }
  return { value: await stream.result(), response }
}
