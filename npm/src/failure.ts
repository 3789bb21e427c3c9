import {
  APIError,
  APIStatusError,
  BadRequestError,
  AuthenticationError,
  PermissionDeniedError,
  NotFoundError,
  ConflictError,
  TurnConflictError,
  ChatEndedError,
  UnprocessableEntityError,
  RateLimitError,
  InternalServerError,
  APIConnectionError,
  APITimeoutError,
  StreamIdleTimeoutError,
  IncompleteTurnError,
  TurnFailedError,
  InputRequiredError,
  APIUserAbortError,
  type ErrorDetails,
  type TurnwireError,
} from './errors.js'
import type { NativeFailure } from './native.js'
import { type Turn, turnFromJson } from './turn.js'

type ErrorClass = new (message: string, details: ErrorDetails) => TurnwireError

/** The classes, by their names in core's table of codes. */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  APIError,
  APIStatusError,
  BadRequestError,
  AuthenticationError,
  PermissionDeniedError,
  NotFoundError,
  ConflictError,
  TurnConflictError,
  ChatEndedError,
  UnprocessableEntityError,
  RateLimitError,
  InternalServerError,
  APIConnectionError,
  APITimeoutError,
  StreamIdleTimeoutError,
  IncompleteTurnError,
  TurnFailedError,
  InputRequiredError,
  APIUserAbortError,
}

/** The error for a failure in core; its class is determined by name, never by a message. */
export function errorFrom(failure: NativeFailure): Error {
  const { code, message, retryable } = failure
  if (failure.class === 'InvalidArgumentError') return Object.assign(new TypeError(message), { code })
  const details: ErrorDetails = { code, retryable }
  const cause = causeFrom(failure.causes)
  if (cause !== undefined) details.cause = cause
  const { status, requestId, retryAfterMs, body, activeTurnId, cursor, turn } = failure
  if (status !== undefined) details.status = status
  if (requestId !== undefined) details.requestId = requestId
  if (retryAfterMs !== undefined) details.retryAfterMs = retryAfterMs
  if (body !== undefined) details.body = body
  if (activeTurnId !== undefined) details.activeTurnId = activeTurnId
  if (cursor !== undefined) details.cursor = cursor
  if (turn !== undefined) {
    let parsed: Turn | undefined
    details.turn = () => (parsed ??= turnFromJson(turn))
  }
  return new (CLASSES[failure.class] ?? APIError)(message, details)
}

/** The error of a call or stream whose signal was aborted for `reason`. */
export function abortError(reason: unknown, details: ErrorDetails = {}): APIUserAbortError {
  return new APIUserAbortError('The request was aborted.', { ...details, code: 'aborted', cause: reason })
}

/** The causes, outermost first, as a chain. */
function causeFrom(causes: readonly string[]): Error | undefined {
  return causes.reduceRight<Error | undefined>((behind, message) => {
    const cause = new Error(message, behind === undefined ? undefined : { cause: behind })
    // The error happened in core, so the frames of this function are of no use.
    cause.stack = `Error: ${message}`
    return cause
  }, undefined)
}
