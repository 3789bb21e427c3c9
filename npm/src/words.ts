/** A known word, or one that this library does not know: every list of the protocol is open. */
export type Open<Known extends string> = Known | (string & {})

/** The status of a running turn. */
export type OpenTurnStatus =
  | 'queued' | 'starting' | 'resuming' | 'running' | 'retrying' | 'compacting' | 'waiting' | 'cancelling'

/** How a turn ended. */
export type EndedTurnStatus = 'completed' | 'cancelled' | 'failed' | 'blocked' | 'interrupted' | 'merged'

/** The status of a running or ended turn. */
export type TurnStatus = Open<OpenTurnStatus | EndedTurnStatus>

/** Why a message ended. */
export type FinishReason = Open<'stop' | 'tool_calls' | 'length' | 'content_filter' | 'cancelled' | 'error' | 'unknown'>

/** The state of a part; `discarded` means that a retry of the provider made it void: remove it from the screen. */
export type PartState = Open<'streaming' | 'pending' | 'running' | 'done' | 'discarded' | 'error'>

/** The purpose of a message of the agent. */
export type MessageKind = Open<'answer' | 'summary'>

/** The status of a chat. */
export type ChatStatus = Open<'active' | 'idle' | 'ended'>

/** The state of a chat's runtime. */
export type RuntimeState = Open<'starting' | 'running' | 'stopping' | 'stopped' | 'archived' | 'error' | 'ended'>
