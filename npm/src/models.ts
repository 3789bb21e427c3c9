import { inspect } from 'node:util'
import type { ChatStatus, RuntimeState } from './words.js'

/** A chat. */
export interface Chat {
  id: string
  status: ChatStatus
  /** Who runs its runtime, such as `local`. */
  provider?: string
  runtimeState?: RuntimeState
  /** After how long without use the runtime is stopped. */
  idleTimeoutMs?: number
  /** RFC 3339. */
  createdAt?: string
  /** The rest is told by `retrieve`, `update` and `list` of our own server. */
  title?: string
  /** `provider/model`. */
  model?: string
  /** The turn that runs. */
  activeTurnId?: string
  /** The relay's last number. */
  lastEventId?: number
}

/** What `delete` answers. */
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

/** What `cancel` answers, also when nothing ran. */
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

/** A short-lived token to read one chat's relay with, such as in a browser. Printing it does not show it. */
export class StreamToken {
  readonly token: string
  /** RFC 3339. */
  readonly expiresAt: string | undefined
  /** Absolute, with the token in it. */
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
