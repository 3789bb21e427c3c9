/** One or more questions in one request; an answer has one list of labels, or of free text, for each. */
export interface Question {
  kind: 'question'
  /** The id for the reply. */
  requestId: string
  /** The message that contains the request. */
  messageId?: string
  /** The tool part that makes the request. */
  partId?: string
  /** The questions. */
  questions: QuestionPrompt[]
}

/** One question with its options. */
export interface QuestionPrompt {
  /** A short title of the question. */
  header: string
  question: string
  /** The answers offered. */
  options: QuestionOption[]
  /** Whether several options may be chosen. */
  multiple: boolean
  /** Whether free text is accepted. */
  custom: boolean
}

/** One option of a question. */
export interface QuestionOption {
  /** The answer if this option is chosen. */
  label: string
  /** A description. */
  description: string
}

/** A permission that the agent requests. */
export interface Permission {
  kind: 'permission'
  /** The id for the reply. */
  requestId: string
  /** The message that contains the request. */
  messageId?: string
  /** The tool part that makes the request. */
  partId?: string
  /** The kind of permission: `bash`, `edit`, `external_directory` … */
  permission: string
  /** The commands or paths that it concerns. */
  patterns: string[]
  /** Metadata of the runtime. */
  metadata: unknown
}

/** A request of the agent. The turn continues once it is answered. */
export type InputRequest = Question | Permission

/** The answer to a permission. */
export type PermissionReply = 'once' | 'always' | 'reject'
