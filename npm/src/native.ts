import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Why a call failed, as the core tells it. */
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
  /** The body as it came; absent for streams. */
  body?: Uint8Array
  /** What the core read in it, as JSON; absent where there is nothing to read. */
  value?: string
  turn?: NativeTurn
  relay?: NativeRelay
  download?: NativeDownload
}

/** Something that is waited for: `poll` gives `null` until the hub names its `id`. */
export interface NativeTask {
  readonly id: number
  poll(): NativeOutcome | null
  cancel(): void
}

/** A batch as one string, and what its events say in short. */
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
  /** As `poll`, in frames of an event stream. */
  pollFrames(): Uint8Array | null | undefined
  /** The last `count` events of the batch polled last were not used; the next poll gives them. */
  putBack(count: number): void
  /** The number of the last event polled; 0 or nothing where it has none. */
  lastPolled(): number | null
  /** What ended it, if that was an error. */
  failure(): NativeFailure | null
  close(): void
}

/** A turn's stream. */
export interface NativeTurn extends NativeSource {
  pollLazy(): NativeLazyBatch | null | undefined
  /** What became of the connection before what was polled last, as one JSON array. */
  states(): string
  readonly chatId: string
  readonly turnId: string
  snapshot(): string
  /** The cursor after event number `seq`. */
  cursor(seq: number): string | null
  /** Why a reader that waits for the end would wait in vain. */
  inputRequired(): NativeFailure | null
  /** Reads on; its value: nothing at the end, a request for a handler, or a list of states. Takes no event away. */
  attend(): NativeTask
  /** Whether this request is still to be put to a handler. */
  claim(requestId: string): boolean
  /** Its handler failed. */
  retract(requestId: string): void
  /** Cancels the turn of a caller that has failed, where closing is to cancel it. */
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
  /** The number of the event it began after. */
  readonly beganAfter: number | null
}

/** A file's bytes, as they are asked for. */
export interface NativeDownload {
  /** Its outcome has a body, or, at the end, none. */
  chunk(): NativeTask
  close(): void
}

export interface NativeClient {
  readonly baseUrl: string
  /** What there is to warn of, in sentences. */
  readonly warnings: string[]
  withOptions(options: string): NativeClient | NativeFailure
  /** Begins an operation of the core. */
  start(operation: string, args: string, options: string, content?: Uint8Array): NativeTask
  /** What a file is uploaded by in pieces, for one {@link startUpload}. */
  upload(): NativeUpload
  startUpload(upload: NativeUpload, args: string, options: string): NativeTask
  readonly isClosed: boolean
  /** Closes all connections, of every client on them. */
  close(): void
  /** Uses another key from now on. */
  setApiKey(key: string): NativeFailure | null
}

/** A file on its way up. One that is left before its end is an error of the request. */
export interface NativeUpload {
  /** Ends once there is room for more, or the request has ended. */
  push(bytes: Uint8Array): NativeTask
  end(): void
  /** It cannot be read on. */
  fail(): void
  /** Whether nobody takes any more. */
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

/** The addon's name on this machine; two on Linux, where the C library is not told. */
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
  // A library that is there and cannot be loaded says more than one that is not there.
  const there = tried.filter((error) => (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND')
  const why = (there[0] ?? tried[0])?.message.split('\n')[0]
  throw new Error(
    `turnwire has no native library that loads on ${process.platform}-${process.arch}: ${why ?? 'none was found'}`,
    { cause: tried.length === 1 ? tried[0] : new AggregateError(tried) },
  )
}

export const native: Native = load()
