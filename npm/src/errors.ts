import type { Turn } from './turn.js'

/** The fields of an error, as on the class. */
export interface ErrorDetails {
  code?: string
  retryable?: boolean
  cause?: unknown
  status?: number
  requestId?: string
  retryAfterMs?: number
  body?: string
  activeTurnId?: string
  turn?: () => Turn | undefined
  cursor?: string
}

/** The base of all errors of this library, except the `TypeError` for an invalid argument. */
export class TurnwireError extends Error {
  /** For programs, such as `turn_conflict`; the service's own code if it sent one. */
  readonly code: string
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  // Behind accessors, so that printing an error prints no whole conversation.
  readonly #turn: (() => Turn | undefined) | undefined
  readonly #cursor: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code ?? 'unknown'
    this.retryable = details.retryable ?? false
    this.#turn = details.turn
    this.#cursor = details.cursor
  }

  /** The turn so far, if the error ended a stream. */
  get turn(): Turn | undefined {
    return this.#turn?.()
  }

  /** The position to resume from (`client.chat.resume`), if the error ended a stream. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  static {
    named(this, 'TurnwireError')
  }
}

/** Something is wrong with a request, its answer or a stream. */
export class APIError extends TurnwireError {
  // Only declared, so that what there is not is not printed either.
  /** The HTTP status, if there was an answer. */
  declare readonly status: number | undefined
  /** The service's `x-request-id`. */
  declare readonly requestId: string | undefined
  /** The wait that the service requested. */
  declare readonly retryAfterMs: number | undefined
  readonly #body: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details)
    if (details.status !== undefined) this.status = details.status
    if (details.requestId !== undefined) this.requestId = details.requestId
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
    this.#body = details.body
  }

  /** The body of the answer: parsed if it is JSON, else text, truncated at 64 KiB. */
  get body(): unknown {
    if (this.#body === undefined) return undefined
    try {
      return JSON.parse(this.#body)
    } catch {
      return this.#body
    }
  }

  static {
    named(this, 'APIError')
  }
}

/** The service answered with a status that has no class of its own. */
export class APIStatusError extends APIError {
  static {
    named(this, 'APIStatusError')
  }
}

/** 400: the request is invalid. */
export class BadRequestError extends APIStatusError {
  static {
    named(this, 'BadRequestError')
  }
}

/** 401: the key is missing or wrong. */
export class AuthenticationError extends APIStatusError {
  static {
    named(this, 'AuthenticationError')
  }
}

/** 403: the key does not allow this. */
export class PermissionDeniedError extends APIStatusError {
  static {
    named(this, 'PermissionDeniedError')
  }
}

/** 404: no such chat, turn, request or file. */
export class NotFoundError extends APIStatusError {
  static {
    named(this, 'NotFoundError')
  }
}

/** 409: the request conflicts with the current state. */
export class ConflictError extends APIStatusError {
  static {
    named(this, 'ConflictError')
  }
}

/** 409: another turn is running in this chat. */
export class TurnConflictError extends ConflictError {
  /** The running turn. */
  readonly activeTurnId: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details)
    this.activeTurnId = details.activeTurnId
  }

  static {
    named(this, 'TurnConflictError')
  }
}

/** 410: the chat has ended. */
export class ChatEndedError extends APIStatusError {
  static {
    named(this, 'ChatEndedError')
  }
}

/** 422: the request is well-formed but cannot be processed. */
export class UnprocessableEntityError extends APIStatusError {
  static {
    named(this, 'UnprocessableEntityError')
  }
}

/** 429: too many requests. */
export class RateLimitError extends APIStatusError {
  static {
    named(this, 'RateLimitError')
  }
}

/** 500 and above: the service failed. */
export class InternalServerError extends APIStatusError {
  static {
    named(this, 'InternalServerError')
  }
}

/** No answer: the connection could not be made, or broke. */
export class APIConnectionError extends APIError {
  static {
    named(this, 'APIConnectionError')
  }
}

/** The connect, answer or total clock ran out. */
export class APITimeoutError extends APIConnectionError {
  static {
    named(this, 'APITimeoutError')
  }
}

/** An open stream was silent for too long. */
export class StreamIdleTimeoutError extends APITimeoutError {
  static {
    named(this, 'StreamIdleTimeoutError')
  }
}

/** The stream ended before the turn did, and could not be resumed. */
export class IncompleteTurnError extends APIConnectionError {
  static {
    named(this, 'IncompleteTurnError')
  }
}

/** The turn ended as `failed` or `interrupted`. */
export class TurnFailedError extends TurnwireError {
  static {
    named(this, 'TurnFailedError')
  }
}

/** The agent waits for an answer, and there is no handler. */
export class InputRequiredError extends TurnwireError {
  static {
    named(this, 'InputRequiredError')
  }
}

/** Stopped by the caller; `cause` is the signal's reason. */
export class APIUserAbortError extends APIError {
  static {
    named(this, 'APIUserAbortError')
  }
}

// On the prototype, before the first instance: the first line of a stack is written when an error is made.
function named(of: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(of.prototype, 'name', { value: name, configurable: true, writable: true })
}
