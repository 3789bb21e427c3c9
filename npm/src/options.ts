import { argumentsJson, kindOf, known, type Names } from './arguments.js'
import { headersJson, type Pairs, queryJson } from './pairs.js'
import { RESPOND } from './prompt.js'

/** Headers to add; `null` removes one. */
export type HeadersGiven = Headers | Pairs<string | null | undefined>

/** Query parameters to add; a list repeats the name, `null` removes one. */
export type QueryGiven = URLSearchParams | Pairs<QueryWord | readonly QueryWord[] | null | undefined>

type QueryWord = string | number | boolean

/** Clocks in milliseconds; `Infinity` switches one off. When one runs out, the result is its own error, or a resume. */
export interface Timeout {
  /** Connecting; 5 s. */
  connect?: number
  /** Waiting for the headers of the answer; 60 s. */
  answer?: number
  /** Silence between two bytes of a stream; 45 s on a connection with heartbeats, else 300 s. */
  idle?: number
  /** The whole call, including retries and resumes; default none. */
  total?: number
}

/** The options of a call, or with `withOptions` of all calls. */
export interface CallOptions {
  /** Milliseconds for the answer and idle clocks (never for the whole turn), or each clock separately. */
  timeout?: number | Timeout
  /** The maximum number of retries, made only where that is safe; default 2. Resumes of a stream do not count. */
  maxRetries?: number
  /** With the same key and request, the service returns the first outcome and starts nothing twice. */
  idempotencyKey?: string
  /** Added to the request; `null` removes a header. */
  headers?: HeadersGiven
  /** Added to the URL. */
  query?: QueryGiven
  /** Added to the request's body. */
  body?: Record<string, unknown>
}

/** Options of one call. */
export interface RequestOptions extends CallOptions {
  /** Aborting it rejects with `APIUserAbortError` and closes the socket at once. */
  signal?: AbortSignal | null
}

/** Options of a client. Options that are not passed come from the environment. */
export interface ClientOptions {
  /** The key; default `TURNWIRE_API_KEY`, `CASEDEV_API_KEY`, or the key of a server on this machine. */
  apiKey?: string
  /** A stream token, which is sufficient without a key to read one chat's relay. */
  token?: string
  /** The service; default `TURNWIRE_BASE_URL`, `CASEDEV_BASE_URL`, or `http://127.0.0.1:2728`. */
  baseURL?: string
  /** The path before every route; `/agent/v2/chat`. */
  prefix?: string
  /** As for a call. */
  timeout?: number | Timeout
  /** As for a call. */
  maxRetries?: number
  /** Added to every request; `null` removes a header. */
  defaultHeaders?: HeadersGiven
  /** Added to every URL. */
  defaultQuery?: QueryGiven
  /** The URL of a proxy; default `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
  proxy?: string
  /** A PEM file of authorities to trust in addition to the system's; default `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS`. */
  caBundle?: string
  /** The `User-Agent`; `turnwire/VERSION`. */
  userAgent?: string
  /** The maximum size of an event; default 16 MiB, for the relay 32 MiB. */
  maxEventBytes?: number
  /**
   * Multiplies every wait between two attempts of a request or of a stream's resume, including those that a service
   * requests (`Retry-After`, `retry:`); default 1. Tests set it to 0.
   */
  backoffScale?: number
  /** Milliseconds of silence before TCP probes a connection; 60,000. */
  tcpKeepalive?: number
  /** No proxy, whatever the environment says. */
  noProxy?: boolean
  /** HTTP/2 without negotiation, also without TLS. By default TLS negotiates, and HTTP/1.1 is used without TLS. */
  http2PriorKnowledge?: boolean
}

const TIMEOUT: Names<Timeout> = { connect: true, answer: true, idle: true, total: true }

const CALL: Names<CallOptions> = {
  timeout: true,
  maxRetries: true,
  idempotencyKey: true,
  headers: true,
  query: true,
  body: true,
}

const REQUEST: Names<RequestOptions> = { ...CALL, signal: true }

/** The names of a client's options. */
export const CLIENT: Names<ClientOptions> = {
  apiKey: true,
  token: true,
  baseURL: true,
  prefix: true,
  timeout: true,
  maxRetries: true,
  defaultHeaders: true,
  defaultQuery: true,
  proxy: true,
  caBundle: true,
  userAgent: true,
  maxEventBytes: true,
  backoffScale: true,
  tcpKeepalive: true,
  noProxy: true,
  http2PriorKnowledge: true,
}

/** A number of milliseconds as the core reads it. */
function clock(name: string, ms: unknown): number | undefined {
  if (ms === undefined) return undefined
  // JSON has no Infinity; zero switches a clock off.
  if (ms === Infinity) return 0
  if (typeof ms === 'number' && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return Math.ceil(ms)
  const given = typeof ms === 'number' ? String(ms) : kindOf(ms)
  throw new TypeError(`${name} must be a number of milliseconds of 0 or more, or Infinity, not ${given}.`)
}

function timeoutJson(timeout: number | Timeout | undefined): unknown {
  if (typeof timeout !== 'object') return clock('timeout', timeout)
  const { connect, answer, idle, total } = known('timeout', timeout, TIMEOUT)
  return {
    connectMs: clock('timeout.connect', connect),
    answerMs: clock('timeout.answer', answer),
    idleMs: clock('timeout.idle', idle),
    totalMs: clock('timeout.total', total),
  }
}

/** One call's options as the core reads them; the signal stays here. */
export function requestOptionsJson(options: RequestOptions, operation: string): string {
  if (operation === 'respond' && typeof options === 'object' && options !== null) {
    const stray = Object.keys(options).find((name) => Object.hasOwn(RESPOND, name))
    if (stray !== undefined) {
      throw new TypeError(`${stray} is passed together with the prompt, not after it: { prompt, ${stray} }.`)
    }
  }
  const { signal, ...rest } = known("A call's last argument", options, REQUEST)
  if (signal !== undefined && signal !== null && !isSignal(signal)) {
    throw new TypeError('signal is an AbortSignal, such as that of an AbortController.')
  }
  if (rest.idempotencyKey !== undefined && operation !== 'create' && operation !== 'respond') {
    throw new TypeError('idempotencyKey is for create, respond and sendMessage; this call may be repeated without one.')
  }
  return callOptionsJson(rest)
}

/** Also one of another realm, such as that of a test environment with a DOM of its own. */
function isSignal(signal: AbortSignal): boolean {
  return typeof signal === 'object' && typeof signal.addEventListener === 'function' && typeof signal.aborted === 'boolean'
}

/** As the core reads them. */
export function callOptionsJson(options: CallOptions): string {
  const { timeout, headers, query, ...rest } = known('A client', options, CALL)
  const read = { timeout: timeoutJson(timeout), headers: headersJson('headers', headers), query: queryJson('query', query) }
  return argumentsJson({ ...rest, ...read }, ['body'])
}

/** As the core reads them. */
export function clientOptionsJson(options: ClientOptions): string {
  const { timeout, defaultHeaders, defaultQuery, baseURL, ...rest } = known('A client', options, CLIENT)
  for (const [name, value] of Object.entries({ ...rest, baseURL })) {
    // Any other value would be dropped, and the environment's key or address used instead.
    if (TEXTS.has(name) && value !== undefined && typeof value !== 'string') {
      throw new TypeError(`${name} must be a string, not ${kindOf(value)}.`)
    }
  }
  const read = {
    baseUrl: baseURL,
    timeout: timeoutJson(timeout),
    headers: headersJson('defaultHeaders', defaultHeaders),
    query: queryJson('defaultQuery', defaultQuery),
  }
  return argumentsJson({ ...rest, ...read })
}

const TEXTS: ReadonlySet<string> = new Set<keyof ClientOptions>([
  'apiKey', 'token', 'baseURL', 'prefix', 'proxy', 'caBundle', 'userAgent',
])
