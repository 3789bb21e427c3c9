import { argumentsJson } from './arguments.js'
import { abortError, errorFrom } from './failure.js'
import { outcome, wake } from './hub.js'
import type { NativeClient, NativeOutcome, NativeTask } from './native.js'
import { type RequestOptions, requestOptionsJson } from './options.js'
import type { Answer } from './promise.js'
import { onAbort } from './signal.js'

/** Starts an operation of the core at once, and parses its outcome. Wrong arguments reject too. */
export async function call<T>(
  client: NativeClient,
  operation: string,
  args: () => Record<string, unknown>,
  options: RequestOptions = {},
  read: (outcome: NativeOutcome) => T,
): Promise<Answer<T>> {
  const caller: { stack?: string } = {}
  Error.captureStackTrace(caller)
  try {
    const given = argumentsJson(args(), ['format'])
    const optionsJson = requestOptionsJson(options, operation)
    const { signal } = options
    if (signal?.aborted) throw abortError(signal.reason)
    const task = client.start(operation, given, optionsJson)
    const done = await perform(task, signal)
    return answerOf(read(done), done)
  } catch (error) {
    throw calledAt(error, caller.stack)
  }
}

/** The response is created on first access, because some environments lack its class and few callers need it. */
export function answerOf<T>(value: T, done: NativeOutcome): Answer<T> {
  let response: Response | undefined
  return {
    value,
    get response() {
      return (response ??= responseOf(done))
    },
  }
}

/** The error with the stack of the call, as by now that is gone. */
export function calledAt(error: unknown, stack: string | undefined): unknown {
  if (error instanceof Error && stack !== undefined) {
    error.stack = `${error.name}: ${error.message}${stack.slice(stack.indexOf('\n    at '))}`
  }
  return error
}

/** Waits for a task, and throws its error. */
export async function perform(task: NativeTask, signal?: AbortSignal | null): Promise<NativeOutcome> {
  const abort = () => {
    task.cancel()
    wake(task.id)
  }
  if (signal?.aborted) abort()
  const unlisten = onAbort(signal, abort)
  try {
    const done = await outcome(task, () => signal?.aborted ?? false)
    if (done === undefined) throw abortError(signal?.reason)
    if (done.failure !== undefined) throw errorFrom(done.failure)
    return done
  } finally {
    unlisten()
  }
}

/** The parsed answer, if any. */
export function valueOf<T>({ value }: NativeOutcome): T {
  return (value === undefined ? undefined : JSON.parse(value)) as T
}

/** The service's id of the request. */
export function requestIdOf({ headers }: NativeOutcome): string | undefined {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === 'x-request-id')
  return at < 0 ? undefined : headers[at + 1]
}

/** The answer as the platform has it. */
export function responseOf({ status, headers: pairs, body }: NativeOutcome): Response {
  const headers = new Headers()
  for (let at = 0; at + 1 < pairs.length; at += 2) headers.append(pairs[at] as string, pairs[at + 1] as string)
  // A status that forbids a body allows none, not even an empty one.
  const bare = body === undefined || body.length === 0 || [204, 205, 304].includes(status)
  return new Response(bare ? null : body, { status, headers })
}
