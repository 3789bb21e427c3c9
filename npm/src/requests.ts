/** Questions asked together; an answer gives one list of labels, or of free text, for each. */
export interface Question {
  kind: 'question'
  /** The id to answer under. */
  requestId: string
  /** The message that asks. */
  messageId?: string
  /** The tool part that asks. */
  partId?: string
  /** What is asked. */
  questions: QuestionPrompt[]
}

/** One question with its options. */
export interface QuestionPrompt {
  /** A word or two above the question. */
  header: string
  question: string
  /** The answers offered. */
  options: QuestionOption[]
  /** Whether several options may be chosen. */
  multiple: boolean
  /** Whether an answer of one's own is welcome. */
  custom: boolean
}

/** One option of a question. */
export interface QuestionOption {
  /** What is sent back when it is chosen. */
  label: string
  /** What it means. */
  description: string
}

/** A permission the agent asks for. */
export interface Permission {
  kind: 'permission'
  /** The id to answer under. */
  requestId: string
  /** The message that asks. */
  messageId?: string
  /** The tool part that asks. */
  partId?: string
  /** What kind of thing: `bash`, `edit`, `external_directory` … */
  permission: string
  /** The commands or paths it is about. */
  patterns: string[]
  /** What the runtime says beside it. */
  metadata: unknown
}

/** What the agent waits for. The turn goes on once it is answered. */
export type InputRequest = Question | Permission

/** The answer to a permission. */
export type PermissionReply = 'once' | 'always' | 'reject'
