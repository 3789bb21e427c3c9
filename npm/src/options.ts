/** Clocks in milliseconds; `Infinity` switches one off. Each that runs out is an error of its own, or a resume. */
export interface Timeout {
  /** Until the connection stands; 5 s. */
  connect?: number
  /** Until the answer's headers; 60 s. */
  answer?: number
  /** Between two bytes of a stream; 45 s on a connection with heartbeats, else 300 s. */
  idle?: number
  /** The whole call; none. */
  total?: number
}

/** What a call can be told beside its arguments, and `withOptions` for all calls. */
export interface CallOptions {
  /** Milliseconds for the answer and between two bytes (never for the whole turn), or each clock by itself. */
  timeout?: number | Timeout
  /** How often a request is sent again where that is safe; 2. Resumes of a stream do not count. */
  maxRetries?: number
  /** The same key and the same request: the first outcome, and nothing is started twice. */
  idempotencyKey?: string
  /** Added to the request; `null` takes a header away. */
  headers?: Headers | Record<string, string | null | undefined>
  /** Added to the URL. */
  query?: Record<string, string | number | boolean | null | undefined>
  /** Added to the request's body. */
  body?: Record<string, unknown>
}

/** Options of one call. */
export interface RequestOptions extends CallOptions {
  /** Aborting it rejects with `APIUserAbortError` and closes the socket at once. */
  signal?: AbortSignal | null
}

/** Options of a client. What is not given comes from the environment. */
export interface ClientOptions {
  /** The key; else `TURNWIRE_API_KEY`, `CASEDEV_API_KEY`, or that of a server on this machine. */
  apiKey?: string
  /** A stream token: enough, without a key, to read one chat's relay. */
  token?: string
  /** The service; else `TURNWIRE_BASE_URL`, `CASEDEV_BASE_URL`, or `http://127.0.0.1:2728`. */
  baseURL?: string
  /** The path before every route; `/agent/v2/chat`. */
  prefix?: string
  /** As for a call. */
  timeout?: number | Timeout
  /** As for a call. */
  maxRetries?: number
  /** Added to every request; `null` takes a header away. */
  defaultHeaders?: Headers | Record<string, string | null | undefined>
  /** Added to every URL. */
  defaultQuery?: Record<string, string | number | boolean | null | undefined>
  /** A proxy's URL; else that of the environment. */
  proxy?: string
  /** A PEM file of certificates to trust beside the system's. */
  caBundle?: string
  /** The `User-Agent`; `turnwire/VERSION`. */
  userAgent?: string
  /** The largest event a stream may bring; 16 MiB, for the relay 32 MiB. */
  maxEventBytes?: number
  /** Multiplies every wait that is chosen here between retries and resumes; 1. What the service asks for is kept. */
  backoffScale?: number
}

function headersJson(headers: RequestOptions['headers']): Record<string, string | null | undefined> | undefined {
  return headers instanceof Headers ? Object.fromEntries(headers) : headers
}

// JSON has no Infinity; zero switches a clock off.
const clock = (ms: number | undefined) => (ms === Infinity ? 0 : ms)

function timeoutJson(timeout: number | Timeout | undefined): unknown {
  if (typeof timeout !== 'object') return clock(timeout)
  const { connect, answer, idle, total } = timeout
  return { connectMs: clock(connect), answerMs: clock(answer), idleMs: clock(idle), totalMs: clock(total) }
}

/** As the core reads them; the signal stays here. */
export function callOptionsJson(options: CallOptions): string {
  const { timeout, maxRetries, idempotencyKey, headers, query, body, signal: _, ...unknown }: RequestOptions = options
  const [stray] = Object.keys(unknown)
  if (stray !== undefined) throw new TypeError(`There is no option ${JSON.stringify(stray)} of a call.`)
  return JSON.stringify({
    timeout: timeoutJson(timeout),
    maxRetries,
    idempotencyKey,
    headers: headersJson(headers),
    query,
    body,
  })
}

/** As the core reads them. */
export function clientOptionsJson(options: ClientOptions): string {
  const { timeout, maxRetries, defaultHeaders, defaultQuery, baseURL, ...rest } = options
  return JSON.stringify({
    ...rest,
    baseUrl: baseURL,
    timeout: timeoutJson(timeout),
    maxRetries,
    headers: headersJson(defaultHeaders),
    query: defaultQuery,
  })
}
