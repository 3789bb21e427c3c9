import { known, type Names } from './arguments.js'
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

/** What a stream calls while it is read. */
export interface StreamHandlers {
  /**
   * Called, while the stream is read, when its connection broke and when it was taken up. What it throws becomes a
   * warning of the process; the stream goes on.
   */
  onState?: (state: StreamState) => void
  /** Answers a question; nothing refuses it. `'wait'`: somebody else answers. */
  onQuestion?: 'wait' | ((question: Question) => Answers | undefined | PromiseLike<Answers | undefined>)
  /** Replies to a permission. `'wait'`: somebody else replies. */
  onPermission?: 'wait' | ((permission: Permission) => PermissionReply | PromiseLike<Open<PermissionReply>>)
}

/** What `respond` can be told. */
export interface RespondParams extends PromptParams, StreamHandlers {
  /** Whether the turn is cancelled when its stream is closed before its end: no for `respond`, yes for `sendMessage`. */
  cancelOnClose?: boolean
  /** How a broken stream goes on: by itself where the service is ours, through the relay everywhere, or not at all. */
  resume?: 'auto' | 'relay' | 'off'
}

/** What became of a stream's connection; no item of the stream. */
export type StreamState =
  | {
      /** It broke, and is about to be taken up. */
      state: 'resuming'
      /** How many attempts in a row this makes, from 1. */
      attempt: number
      /** The wait before it. */
      waitMs: number
      /** The code of what broke it; `end` where the stream just ended. */
      cause: string
    }
  | {
      /** Events come again. */
      state: 'resumed'
    }

/** What `sendMessage` can be told: all that `respond` can. */
export type SendMessageParams = RespondParams

/** One list of labels, or of free text, for each question. */
export type Answers = readonly (readonly string[])[]

const PROMPT: Names<PromptParams> = {
  prompt: true,
  parts: true,
  model: true,
  agent: true,
  system: true,
  format: true,
  onConflict: true,
}

/** The names `respond` knows. */
export const RESPOND: Names<RespondParams> = {
  ...PROMPT,
  cancelOnClose: true,
  resume: true,
  onState: true,
  onQuestion: true,
  onPermission: true,
}

/** A prompt as an object. */
function paramsOf<T extends PromptParams>(who: string, given: string | T | undefined, names: Names<NoInfer<T>>): T {
  if (typeof given === 'string') return { prompt: given } as T
  if (given !== undefined && given !== null && typeof given !== 'object') {
    throw new TypeError(`A prompt is a string or an object, { prompt }; this is a ${typeof given}.`)
  }
  return known(who, given ?? ({} as T), names)
}

/** The prompt of `sendMessage` as an object. */
export function sendMessageParams(given: string | SendMessageParams): SendMessageParams {
  return paramsOf('sendMessage', given, RESPOND)
}

/** Answers that are such: a bare string is an easy mistake. */
export function checkedAnswers(given: Answers): Answers {
  const list = (answer: unknown) => Array.isArray(answer) && answer.every((label) => typeof label === 'string')
  if (Array.isArray(given) && given.every(list)) return given
  throw new TypeError("Answers are one list of strings for each question, such as [['yes']].")
}

/** A prompt as the core reads it. */
export function promptJson(given: string | RespondParams | undefined): Record<string, unknown> {
  const { prompt, parts, onState, onQuestion, onPermission, ...rest } = paramsOf('respond', given, RESPOND)
  if ((prompt === undefined) === (parts === undefined)) {
    throw new TypeError(`Give a turn either a prompt or parts, not ${prompt === undefined ? 'neither' : 'both'}.`)
  }
  if (prompt !== undefined && typeof prompt !== 'string') {
    throw new TypeError(`A prompt is a string or an object, { prompt }; this prompt is a ${typeof prompt}.`)
  }
  if (onState !== undefined && typeof onState !== 'function') {
    throw new TypeError(`onState is a function that is called with a state; this is a ${typeof onState}.`)
  }
  return {
    ...rest,
    onState: onState !== undefined,
    onQuestion: policy('onQuestion', onQuestion),
    onPermission: policy('onPermission', onPermission),
    parts: parts ?? [{ type: 'text', text: prompt }],
  }
}

/** Who answers, as the core reads it. */
function policy(name: string, handler: unknown): 'fail' | 'wait' | 'ask' {
  if (handler === undefined || handler === null) return 'fail'
  if (handler === 'wait') return 'wait'
  if (typeof handler === 'function') return 'ask'
  throw new TypeError(`${name} is a function or 'wait'; this is a ${typeof handler}.`)
}
