/** This package under `turnwire-testkit conformance`, as docs/conformance.md describes it. */

import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import {
  APIError,
  type ClientOptions,
  type RequestOptions,
  type RespondParams,
  type Timeout,
  type TurnStream,
  TurnwireError,
  Turnwire,
} from 'turnwire'

const FEATURES = `create retrieve list delete cancel files download respond sendMessage answer leave attach relay relayLive otherServices
  resumeByRelay resumeOff onConflict gzip caBundle proxy socks headers maxRetries maxEventBytes timeout.answer timeout.idle timeout.total
  headLimits wording`

interface Request extends Pick<ClientOptions, 'caBundle' | 'proxy' | 'maxEventBytes' | 'backoffScale'> {
  operation: string
  baseUrl: string
  apiKey: string
  chatId: string
  prompt: string
  resume?: NonNullable<RespondParams['resume']>
  onConflict?: NonNullable<RespondParams['onConflict']>
  acquainted?: boolean
  options?: Omit<RequestOptions, 'timeout'> & { timeout?: Record<`${keyof Timeout}Ms`, number> }
  answer?: boolean
  cancelAfter?: number
  leaveAfter?: number
  until?: number
}

const write = (line: unknown) => void process.stdout.write(`${JSON.stringify(line)}\n`)

function clientOf({ baseUrl, apiKey, caBundle, proxy, maxEventBytes, backoffScale }: Request): Turnwire {
  const given = Object.entries({ caBundle, proxy, maxEventBytes, backoffScale }).filter(([, value]) => value !== undefined)
  return new Turnwire({ baseURL: baseUrl, apiKey, ...Object.fromEntries(given) })
}

function optionsOf({ options = {} }: Request): RequestOptions {
  const { timeout, ...rest } = options
  if (timeout === undefined) return rest
  const clocks = Object.entries(timeout).map(([name, ms]) => [name.replace(/Ms$/, ''), ms])
  return { ...rest, timeout: Object.fromEntries(clocks) as Timeout }
}

/** Reads a turn to its end, and does in between what its caller is to do. */
async function follow(stream: TurnStream, request: Request): Promise<unknown> {
  let delivered = 0
  try {
    for await (const event of stream) {
      write({ event })
      delivered += 1
      const { question, permission } = request.answer && event.type === 'turn.status' ? event : {}
      if (question) await stream.answer(question, question.questions.map(({ options }) => [options[0]!.label]))
      if (permission) await stream.allow(permission)
      if (delivered === request.cancelAfter) await stream.cancel()
      if (delivered === request.leaveAfter) return stream.snapshot
    }
  } catch (error) {
    assert.equal((await stream.next()).done, true, 'an error ends the stream')
    throw error
  }
  const snapshot = stream.snapshot
  const turn = await stream.result()
  assert.deepEqual(turn, snapshot)
  return turn
}

async function relay({ chat }: Turnwire, request: Request): Promise<unknown> {
  const live = request.operation === 'relayLive'
  const stream = await chat.stream(request.chatId, live ? {} : { lastEventId: 0 }, optionsOf(request))
  assert.equal(stream.lastEventId, 0)
  if (live) await chat.sendMessage(request.chatId, request.prompt)
  for await (const item of stream) {
    if (item.kind === 'event') write({ relayEvent: item.id })
    else write({ notice: item.kind === 'gap' ? `gap ${item.oldest}` : `reset ${item.head}` })
    if (item.kind === 'event' && item.id === request.until) break
  }
  return { lastEventId: stream.lastEventId }
}

async function run(client: Turnwire, request: Request): Promise<unknown> {
  const { chat } = client
  const { chatId, prompt, resume, onConflict } = request
  const options = optionsOf(request)
  if (request.acquainted) await chat.retrieve(chatId)
  const params = { prompt, ...(resume && { resume }), ...(onConflict && { onConflict }) }
  const operations: Record<string, () => PromiseLike<unknown>> = {
    respond: async () => follow(await chat.respond(chatId, params, options), request),
    attach: async () => {
      const stream = await chat.attach(chatId, {}, options)
      return stream && follow(stream, request)
    },
    sendMessage: () => chat.sendMessage(chatId, prompt, options),
    create: () => chat.create({}, options),
    retrieve: () => chat.retrieve(chatId, options),
    delete: () => chat.delete(chatId, options),
    cancel: () => chat.cancel(chatId, {}, options),
    list: () => chat.list({}, options),
    files: () => chat.files.list(chatId, options),
    download: async () => {
      const file = await chat.files.download('a/file.txt', { id: chatId }, options)
      return { bytes: (await file.arrayBuffer()).byteLength }
    },
    relay: () => relay(client, request),
    relayLive: () => relay(client, request),
  }
  const operation = operations[request.operation]
  assert.ok(operation, request.operation)
  return await operation()
}

function failure(error: TurnwireError): unknown {
  const { code, message, name, turn } = error
  const status = error instanceof APIError ? error.status : undefined
  return { code, message, class: name, turn, status, printed: inspect(error, { depth: 10, showHidden: true }) }
}

async function main(): Promise<void> {
  write({ client: 'turnwire (Node)', features: FEATURES.split(/\s+/) })
  for await (const line of createInterface(process.stdin)) {
    const request = JSON.parse(line) as Request
    const client = clientOf(request)
    try {
      write({ result: (await run(client, request)) ?? null })
    } catch (error) {
      if (!(error instanceof TurnwireError)) throw error
      write({ error: failure(error) })
    } finally {
      client.close()
    }
  }
}

void main()
