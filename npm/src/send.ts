import type { Chats } from './chat.js'
import type { RequestOptions } from './options.js'
import type { Answer } from './promise.js'
import { type SendMessageParams, sendMessageParams } from './prompt.js'
import { abandon } from './stream.js'
import type { Turn } from './turn.js'

/** `respond`, folded. A call that fails or is given up cancels the turn it started. */
export async function send(
  chats: Chats,
  id: string,
  prompt: string | SendMessageParams,
  options: RequestOptions | undefined,
): Promise<Answer<Turn>> {
  const given = { cancelOnClose: true, ...sendMessageParams(prompt) }
  const { data: stream, response } = await chats.respond(id, given, options).withResponse()
  try {
    return { value: await stream.result(), response }
  } catch (error) {
    await abandon(stream)
    throw error
  } finally {
    stream.close()
  }
}
