import type { Permission, PermissionReply, Question } from './requests.js'
import type { PromptPart } from './turn.js'
import type { Open } from './words.js'

/** What a turn begins with: `prompt`, or `parts`. */
export interface PromptParams {
  /** The text; short for one text part. */
  prompt?: string
  parts?: PromptPart[]
  /** `provider/model`. */
  model?: string
  /** The agent that is to answer; our own server. */
  agent?: string
  /** Added to the agent's instructions; our own server. */
  system?: string
  /** The form the answer is to have; our own server. */
  format?: unknown
  /** When another turn runs: an error (the default), wait for its end, or cancel it. */
  onConflict?: 'error' | 'wait' | 'cancel'
}

/** What `respond` can be told. */
export interface RespondParams extends PromptParams {
  /** Whether the turn is cancelled when its stream is closed; no. */
  cancelOnClose?: boolean
  /** How a broken stream goes on: by itself where the service is ours, through the relay everywhere, or not at all. */
  resume?: 'auto' | 'relay' | 'off'
}

/** What `sendMessage` can be told. */
export interface SendMessageParams extends PromptParams {
  /** Answers a question; nothing refuses it. `'wait'`: somebody else answers. */
  onQuestion?: 'wait' | ((question: Question) => Answers | undefined | PromiseLike<Answers | undefined>)
  /** Replies to a permission. `'wait'`: somebody else replies. */
  onPermission?: 'wait' | ((permission: Permission) => PermissionReply | PromiseLike<Open<PermissionReply>>)
}

/** One list of labels, or of free text, for each question. */
export type Answers = readonly (readonly string[])[]

/** A prompt as the core reads it. */
export function promptJson(given: string | PromptParams | undefined): Record<string, unknown> {
  const params: PromptParams = typeof given === 'string' ? { prompt: given } : (given ?? {})
  const { prompt, parts, ...rest } = params
  if ((prompt === undefined) === (parts === undefined)) {
    throw new TypeError(`Give a turn either a prompt or parts, not ${prompt === undefined ? 'neither' : 'both'}.`)
  }
  return { ...rest, parts: parts ?? [{ type: 'text', text: prompt }] }
}
