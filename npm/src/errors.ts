import type { Turn } from './turn.js'

/** What an error is made of; each field as on the class. */
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

/** The base of everything this library throws, but for the `TypeError` of an argument no request can be made of. */
export class TurnwireError extends Error {
  /** For programs, such as `turn_conflict`; the service's own where it gave one. */
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

  /** The turn so far, where the error ended a stream. */
  get turn(): Turn | undefined {
    return this.#turn?.()
  }

  /** Where to go on (`client.chat.resume`), where the error ended a stream. */
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
  /** The HTTP status, where there was an answer. */
  declare readonly status: number | undefined
  /** The service's `x-request-id`. */
  declare readonly requestId: string | undefined
  /** How long the service asked to wait. */
  declare readonly retryAfterMs: number | undefined
  readonly #body: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details)
    if (details.status !== undefined) this.status = details.status
    if (details.requestId !== undefined) this.requestId = details.requestId
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
    this.#body = details.body
  }

  /** The body of the answer: parsed where it is JSON, else its text, cut at 64 KiB. */
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

/** 400: the request is wrong. */
export class BadRequestError extends APIStatusError {
  static {
    named(this, 'BadRequestError')
  }
}

/** 401: no key, or a wrong one. */
export class AuthenticationError extends APIStatusError {
  static {
    named(this, 'AuthenticationError')
  }
}

/** 403: the key may not do this. */
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

/** 409: not now. */
export class ConflictError extends APIStatusError {
  static {
    named(this, 'ConflictError')
  }
}

/** 409: another turn runs in this chat. */
export class TurnConflictError extends ConflictError {
  /** The turn that runs. */
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

/** 422: understood, and refused. */
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

/** A clock ran out. */
export class APITimeoutError extends APIConnectionError {
  static {
    named(this, 'APITimeoutError')
  }
}

/** Nothing came over an open stream for too long. */
export class StreamIdleTimeoutError extends APITimeoutError {
  static {
    named(this, 'StreamIdleTimeoutError')
  }
}

/** The stream ended before the turn, and it could not be resumed. */
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

/** The agent asked something and nobody is there to answer. */
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
