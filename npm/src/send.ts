import type { Answer, APIPromise } from './promise.js'
import { type RespondParams, type SendMessageParams, sendMessageParams } from './prompt.js'
import { abandon, type TurnStream } from './stream.js'
import type { Turn } from './turn.js'

/** `respond` and `result` in one call. If it fails or is abandoned, it cancels the turn that it started. */
export async function send(
  respond: (prompt: RespondParams) => APIPromise<TurnStream>,
  prompt: string | SendMessageParams,
): Promise<Answer<Turn>> {
  const { data: stream, response } = await respond({ cancelOnClose: true, ...sendMessageParams(prompt) }).withResponse()
  try {
    return { value: await stream.result(), response }
  } catch (error) {
    await abandon(stream)
    throw error
  } finally {
    stream.close()
  }
}
