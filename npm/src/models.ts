import { inspect } from 'node:util'
import type { ChatStatus, RuntimeState } from './words.js'

/** A chat. */
export interface Chat {
  id: string
  status: ChatStatus
  /** The kind of its runtime, such as `local`. */
  provider?: string
  runtimeState?: RuntimeState
  /** The time without use after which the runtime is stopped. */
  idleTimeoutMs?: number
  /** RFC 3339. */
  createdAt?: string
  /** The following fields come only from `retrieve`, `update` and `list` of our own server. */
  title?: string
  /** `provider/model`. */
  model?: string
  /** The running turn. */
  activeTurnId?: string
  /** The relay's last number. */
  lastEventId?: number
}

/** The answer of `delete`. */
export interface EndedChat {
  id: string
  status: ChatStatus
  provider?: string
  runtimeId?: string
  runtimeMs?: number
  /** Dollars. */
  cost?: number
  /** Millionths of a dollar. */
  costMicros?: number
}

/** The answer of `cancel`, also if no turn was running. */
export interface Cancelled {
  id: string
  ok: boolean
}

/** A file of a chat's workspace. */
export interface FileEntry {
  name: string
  /** Relative to the workspace. */
  path: string
  sizeBytes: number
}

/** The files of a chat's workspace. */
export interface FileList {
  chatId: string
  files: FileEntry[]
}

/** A short-lived token to read one chat's relay, for example in a browser. Printing it does not show it. */
export class StreamToken {
  readonly token: string
  /** RFC 3339. */
  readonly expiresAt: string | undefined
  /** Absolute; it contains the token. */
  readonly streamUrl: string

  constructor(from: { token: string; expiresAt?: string; streamUrl: string }) {
    this.token = from.token
    this.expiresAt = from.expiresAt
    this.streamUrl = from.streamUrl
  }

  [inspect.custom](): string {
    return `StreamToken { token: [redacted], expiresAt: ${inspect(this.expiresAt)} }`
  }
}
