import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A failure of a call, as core reports it. */
export interface NativeFailure {
  class: string
  code: string
  message: string
  retryable: boolean
  status?: number
  requestId?: string
  retryAfterMs?: number
  body?: string
  activeTurnId?: string
  /** JSON. */
  turn?: string
  cursor?: string
  causes: string[]
}

/** How a call ended. */
export interface NativeOutcome {
  failure?: NativeFailure
  status: number
  /** Names and values, in turn. */
  headers: string[]
  /** The body as it was received; absent for streams. */
  body?: Uint8Array
  /** The parsed answer, as JSON; absent if there is none. */
  value?: string
  turn?: NativeTurn
  relay?: NativeRelay
  download?: NativeDownload
}

/** Something that can be waited for: `poll` returns `null` until the hub reports its `id`. */
export interface NativeTask {
  readonly id: number
  poll(): NativeOutcome | null
  cancel(): void
}

/** A batch as one string, with a summary of its events. */
export interface NativeLazyBatch {
  json: string
  /**
   * Of each event: its start and end in `json`, its number, its type, the start and end of its delta in `deltas`, the
   * place of its part in `parts` after 1 (0: it has none), and 1 where its delta is text of the answer.
   */
  table: Uint32Array
  deltas: string
  parts: string[]
}

export interface NativeSource {
  readonly id: number
  /** One JSON array; `null` at the end; `undefined`: the hub will name the `id`. */
  poll(): string | null | undefined
  /** Like `poll`, in frames of an event stream. */
  pollFrames(): Uint8Array | null | undefined
  /** Puts back the last `count` events of the last batch, which were not used; the next poll returns them. */
  putBack(count: number): void
  /** The number of the last polled event; 0 or nothing if it has none. */
  lastPolled(): number | null
  /** The error that ended it, if any. */
  failure(): NativeFailure | null
  close(): void
}

/** A turn's stream. */
export interface NativeTurn extends NativeSource {
  pollLazy(): NativeLazyBatch | null | undefined
  /** The changes of the connection before the last poll, as one JSON array. */
  states(): string
  readonly chatId: string
  readonly turnId: string
  snapshot(): string
  /** The cursor after event number `seq`. */
  cursor(seq: number): string | null
  /** The error for a reader that would wait for the end in vain. */
  inputRequired(): NativeFailure | null
  /** Reads ahead and resolves to nothing at the end, a request for a handler, or a list of states. Consumes no event. */
  attend(): NativeTask
  /** Whether this request has not been passed to a handler yet. */
  claim(requestId: string): boolean
  /** Its handler failed. */
  retract(requestId: string): void
  /** Cancels the turn of a caller that has failed, if closing cancels it. */
  abandon(): NativeTask
  /** The turn of a stream that has ended, as JSON. */
  outcome(): string | NativeFailure
  answer(requestId: string, answers: readonly (readonly string[])[]): NativeTask
  reject(requestId: string): NativeTask
  allow(requestId: string, reply: string, message?: string): NativeTask
  cancel(): NativeTask
}

/** A relay's stream. */
export interface NativeRelay extends NativeSource {
  /** The number of the event after which it began. */
  readonly beganAfter: number | null
}

/** The bytes of a file, read on demand. */
export interface NativeDownload {
  /** Its outcome has a body, or, at the end, none. */
  chunk(): NativeTask
  close(): void
}

export interface NativeClient {
  readonly baseUrl: string
  /** Warnings, in sentences. */
  readonly warnings: string[]
  withOptions(options: string): NativeClient | NativeFailure
  /** Starts an operation of the core. */
  start(operation: string, args: string, options: string, content?: Uint8Array): NativeTask
  /** The sender of an upload in pieces, for one {@link startUpload}. */
  upload(): NativeUpload
  startUpload(upload: NativeUpload, args: string, options: string): NativeTask
  readonly isClosed: boolean
  /** Closes all connections, of every client on them. */
  close(): void
  /** Uses another key from now on. */
  setApiKey(key: string): NativeFailure | null
}

/** A running upload. If it is left before its end, the request fails. */
export interface NativeUpload {
  /** Settles once there is room for more, or the request has ended. */
  push(bytes: Uint8Array): NativeTask
  end(): void
  /** The stream cannot be read any further. */
  fail(): void
  /** Whether the request accepts no more pieces. */
  readonly isOver: boolean
}

export interface NativeAccumulator {
  push(event: string): boolean
  turn(): string
}

/** The program inside Node. */
export interface NativeProgram {
  run(hub: NativeHub, args: string[]): NativeTask
  interrupt(signal: string): void
}

export interface NativeHub {
  take(): number[]
}

export interface Native {
  NativeHub: new (wake: () => void) => NativeHub
  openClient(hub: NativeHub, options: string): NativeClient | NativeFailure
  NativeAccumulator: new () => NativeAccumulator
  parseEvent(json: string, name?: string): string | NativeFailure
  NativeProgram: new () => NativeProgram
}

/** The names of the addon on this machine; two on Linux, because the C library is not known. */
function names(): string[] {
  const target = `${process.platform}-${process.arch}`
  switch (process.platform) {
    case 'linux':
      return [`${target}-gnu`, `${target}-musl`]
    case 'win32':
      return [`${target}-msvc`]
    default:
      return [target]
  }
}

/** Loads the addon: the one beside this package first, then that of a package for the platform. */
function load(): Native {
  const tried: Error[] = []
  for (const name of names()) {
    const beside = join(__dirname, '..', `turnwire.${name}.node`)
    try {
      if (existsSync(beside)) return require(beside) as Native
      return require(`turnwire-${name}`) as Native
    } catch (error) {
      tried.push(error as Error)
    }
  }
  // The error of a library that exists but cannot be loaded is more useful than that of a missing one.
  const there = tried.filter((error) => (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND')
  const why = (there[0] ?? tried[0])?.message.split('\n')[0]
  throw new Error(
    `turnwire has no native library that loads on ${process.platform}-${process.arch}: ${why ?? 'none was found'}`,
    { cause: tried.length === 1 ? tried[0] : new AggregateError(tried) },
  )
}

export const native: Native = load()
