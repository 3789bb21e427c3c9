/** A known word, or one newer than this library: every list of the contract is open. */
export type Open<Known extends string> = Known | (string & {})

/** Where a turn stands while it is open. */
export type OpenTurnStatus =
  | 'queued' | 'starting' | 'resuming' | 'running' | 'retrying' | 'compacting' | 'waiting' | 'cancelling'

/** How a turn ended. */
export type EndedTurnStatus = 'completed' | 'cancelled' | 'failed' | 'blocked' | 'interrupted' | 'merged'

/** Where a turn stands, or how it ended. */
export type TurnStatus = Open<OpenTurnStatus | EndedTurnStatus>

/** Why a message ended. */
export type FinishReason = Open<'stop' | 'tool_calls' | 'length' | 'content_filter' | 'cancelled' | 'error' | 'unknown'>

/** Where a part stands; `discarded` was made void by a retry of the provider: take it off the screen. */
export type PartState = Open<'streaming' | 'pending' | 'running' | 'done' | 'discarded' | 'error'>

/** What a message of the agent is for. */
export type MessageKind = Open<'answer' | 'summary'>

/** Where a chat stands. */
export type ChatStatus = Open<'active' | 'idle' | 'ended'>

/** Where a chat's runtime stands. */
export type RuntimeState = Open<'starting' | 'running' | 'stopping' | 'stopped' | 'archived' | 'error' | 'ended'>
