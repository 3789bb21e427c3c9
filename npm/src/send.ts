import type { Chats } from './chat.js'
import type { RequestOptions } from './options.js'
import type { Answer } from './promise.js'
import { type SendMessageParams, sendMessageParams } from './prompt.js'
import type { PermissionReply } from './requests.js'
import type { TurnStream } from './stream.js'
import type { Turn } from './turn.js'

/** `respond`, folded; what the agent asks on the way is put to the handlers. */
export async function send(
  chats: Chats,
  id: string,
  prompt: string | SendMessageParams,
  options: RequestOptions | undefined,
): Promise<Answer<Turn>> {
  const { onQuestion, onPermission, ...given } = sendMessageParams(prompt)
  const { data: stream, response } = await chats.respond(id, given, options).withResponse()
  try {
    if (onQuestion !== undefined || onPermission !== undefined) await attend(stream, onQuestion, onPermission)
    // What nobody here answers, the result tells as an error.
    return { value: await stream.result(), response }
  } finally {
    stream.close()
  }
}

async function attend(
  stream: TurnStream,
  onQuestion: SendMessageParams['onQuestion'],
  onPermission: SendMessageParams['onPermission'],
): Promise<void> {
  const batches = stream.batches()
  // Not a loop over them: leaving that would close the stream.
  for (let batch = await batches.next(); !batch.done; batch = await batches.next()) {
    for (const event of batch.value) {
      if (event.type !== 'turn.status') continue
      const { question, permission } = event
      if (question !== undefined) {
        if (onQuestion === undefined) return
        if (onQuestion === 'wait') continue
        const answers = await onQuestion(question)
        await (answers === undefined ? stream.reject(question) : stream.answer(question, answers))
      }
      if (permission !== undefined) {
        if (onPermission === undefined) return
        if (onPermission === 'wait') continue
        await stream.allow(permission, (await onPermission(permission)) as PermissionReply)
      }
    }
  }
}
