import { known, type Names } from './arguments.js'
import type { Permission, PermissionReply, Question } from './requests.js'
import type { PromptPart } from './turn.js'
import type { Open } from './words.js'

/** The parameters of a prompt: `prompt`, or `parts`. */
export interface PromptParams {
  /** The text; a shorthand for one text part. */
  prompt?: string
  parts?: PromptPart[]
  /** `provider/model`. */
  model?: string
  /** The agent that should answer; only our own server supports it. */
  agent?: string
  /** Replaces the chat's instructions for this turn; only our own server supports it. */
  system?: string
  /** The format that the answer must have; only our own server supports it. */
  format?: unknown
  /** What to do if another turn is running: fail (the default), wait for its end, or cancel it. */
  onConflict?: 'error' | 'wait' | 'cancel'
}

/** The callbacks of a stream while it is read. */
export interface StreamHandlers {
  /**
   * Called, while the stream is read, when its connection broke and when it was resumed. An error that it throws becomes a
   * warning of the process; the stream continues.
   */
  onState?: (state: StreamState) => void
  /** Returns the answers to a question; returning nothing refuses it. `'wait'`: somebody else answers. */
  onQuestion?: 'wait' | ((question: Question) => Answers | undefined | PromiseLike<Answers | undefined>)
  /** Replies to a permission. `'wait'`: somebody else replies. */
  onPermission?: 'wait' | ((permission: Permission) => PermissionReply | PromiseLike<Open<PermissionReply>>)
}

/** The parameters of `respond`. */
export interface RespondParams extends PromptParams, StreamHandlers {
  /** Whether the turn is cancelled when its stream is closed before its end: no for `respond`, yes for `sendMessage`. */
  cancelOnClose?: boolean
  /** How a broken stream resumes: automatically at our own server, through the relay at any service, or not at all. */
  resume?: 'auto' | 'relay' | 'off'
}

/** A change of a stream's connection; not an item of the stream. */
export type StreamState =
  | {
      /** The connection broke and will be resumed. */
      state: 'resuming'
      /** The number of this attempt in a row, from 1. */
      attempt: number
      /** The wait before it. */
      waitMs: number
      /** The error code of the break; `end` if the stream simply ended. */
      cause: string
    }
  | {
      /** Events arrive again. */
      state: 'resumed'
    }

/** The parameters of `sendMessage`: all those of `respond`. */
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

/** Checks answers, because a bare string is a common mistake. */
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

/** Who answers, in the form that core expects. */
function policy(name: string, handler: unknown): 'fail' | 'wait' | 'ask' {
  if (handler === undefined || handler === null) return 'fail'
  if (handler === 'wait') return 'wait'
  if (typeof handler === 'function') return 'ask'
  throw new TypeError(`${name} is a function or 'wait'; this is a ${typeof handler}.`)
}
