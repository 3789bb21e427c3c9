// What the compiler must and must not accept. Compiled with the tests, never run.
import { createReadStream } from 'node:fs'
import {
  APIConnectionTimeoutError,
  APIError,
  APIPromise,
  APITimeoutError,
  type Chat,
  type Content,
  type Part,
  type PartDelta,
  type Question,
  type RelayItem,
  type ToolPart,
  type Turn,
  TurnConflictError,
  type TurnEvent,
  type TurnStatus,
  TurnStream,
  Turnwire,
  type UnknownEvent,
} from 'turnwire'

declare const client: Turnwire
declare const event: TurnEvent
declare const part: Part
declare const item: RelayItem

function same<T>(_value: T): void {}

export function events(): void {
  if (event.type === 'turn.status') {
    same<TurnStatus>(event.status)
    same<Question | undefined>(event.question)
    // @ts-expect-error a status has no text
    same(event.delta)
  }
  if (event.type === 'message.part.updated') {
    if (event.delta !== undefined) {
      same<PartDelta>(event)
      same<string>(event.delta)
      same<undefined>(event.part)
    } else {
      same<Part>(event.part)
    }
  }
  if (event.type === 'unknown') {
    same<UnknownEvent>(event)
    same<string>(event.eventType)
    // @ts-expect-error what it holds is not known
    same<string>(event.raw)
  } else {
    same<number>(event.seq)
  }
  // @ts-expect-error only a status may ask
  same(event.question)
  // @ts-expect-error an unknown event is in no turn that is known
  same<string>(event.turnId)
}

export function everyEventIsTold(): string {
  switch (event.type) {
    case 'turn.started':
      return event.userMessage.id
    case 'turn.status':
      return event.status
    case 'message.created':
      return event.kind
    case 'message.part.updated':
      return event.partId
    case 'message.completed':
      return event.finishReason
    case 'session.usage':
      return String(event.usage.summary.totalTokens)
    case 'turn.completed':
      return event.status
    case 'unknown':
      return event.eventType
    default:
      return same<never>(event), ''
  }
}

export function parts(): void {
  if (part.type === 'tool') {
    same<ToolPart>(part)
    same<string | undefined>(part.output)
  }
  if (part.type === 'unknown') same<string>(part.partType)
  // @ts-expect-error a file has none
  if (part.type === 'file') same(part.text)
}

export function words(status: TurnStatus): boolean {
  same<TurnStatus>('a word of tomorrow')
  // @ts-expect-error a word all the same
  same<TurnStatus>(7)
  return status === 'completed'
}

export async function calls(): Promise<void> {
  same<APIPromise<Chat>>(client.chat.create({ title: 'Review' }))
  same<Chat>(await client.chat.create())
  same<Response>(await client.chat.create().asResponse())
  const { data, response, requestId } = await client.chat.retrieve('chat_1').withResponse()
  same<Chat>(data)
  same<Response>(response)
  same<string | null>(requestId)
  same<typeof client.chat>(client.agent.v2.chat)
  for await (const event of client.chat.respond('chat_1', 'Hi', { timeout: 1000 })) same<TurnEvent>(event)
  for await (const chat of client.chat.list({ limit: 3 })) same<Chat>(chat)
  const stream = await client.chat.respond('chat_1', { parts: [{ type: 'text', text: 'Hi' }], cancelOnClose: true })
  same<TurnStream>(stream)
  same<Turn>(await stream.result())
  for await (const text of stream.textStream) same<string>(text)
  for await (const batch of stream.batches()) same<TurnEvent[]>(batch)
  for await (const batch of stream.batches({ lazy: true })) same<string>(batch.json)
  same<TurnStream | undefined>(await client.chat.attach('chat_1'))
  same<void>(await client.chat.replyToQuestion('que_1', { id: 'chat_1', answers: [['yes']] }))
  same<void>(await client.chat.replyToPermission('per_1', { id: 'chat_1', reply: 'reject', message: 'Not here.' }))
  same<void>(await stream.allow('per_1', 'reject', 'Not here.'))
  // @ts-expect-error that is the library's own
  stream.abandon
  same<Turnwire>(client.withOptions({ maxRetries: 0, headers: { 'x-a': null } }))
  const onQuestion = ({ questions }: Question) => questions.map(() => ['yes'])
  await client.chat.sendMessage('chat_1', { prompt: 'Hi', onQuestion })
  await client.chat.sendMessage('chat_1', { prompt: 'Hi', onQuestion: 'wait', onPermission: async () => 'once' })

  await client.chat.list({}, { headers: new Map([['x-a', null]]), query: new URLSearchParams('a=1') })
  await client.chat.list({}, { headers: new Headers(), query: { a: ['1', 2], b: null } })
  const upload = (content: Content) => client.chat.files.upload('a', { id: 'chat_1', content })
  await upload(new Blob(['x']))
  await upload(createReadStream('x'))
  await upload(new Blob(['x']).stream())
  await upload(new DataView(new SharedArrayBuffer(1)))
  await upload(['x', Buffer.from('x')])
  client.apiKey = 'another'

  // @ts-expect-error a promise is no content yet
  await upload(Promise.resolve('x'))
  // @ts-expect-error neither is an object
  await upload({})
  // @ts-expect-error a key is a string
  client.apiKey = () => 'key'
  // @ts-expect-error a chat has an id
  await client.chat.retrieve()
  // @ts-expect-error a prompt is text, or parts
  await client.chat.respond('chat_1', 7)
  // @ts-expect-error a conflict is met by one of three words
  await client.chat.respond('chat_1', { prompt: 'Hi', onConflict: 'ignore' })
  // @ts-expect-error a signal is of one call
  client.withOptions({ signal: AbortSignal.timeout(1) })
  // @ts-expect-error answers are lists of lists
  await stream.answer('que_1', ['yes'])
}

export function errors(error: unknown): void {
  if (error instanceof TurnConflictError) same<string | undefined>(error.activeTurnId)
  if (error instanceof APIError) {
    same<number | undefined>(error.status)
    same<string | undefined>(error.requestId)
    same<Turn | undefined>(error.turn)
  }
  same<typeof APITimeoutError>(APIConnectionTimeoutError)
}

export function relay(): void {
  if (item.kind === 'gap') same<number>(item.oldest)
  if (item.kind === 'event') same<unknown>(item.raw)
  // @ts-expect-error only an event has one
  same(item.id)
}
