import { kindOf, isPlain } from './arguments.js'

/** Names with values, in every form the platform has: `Headers`, `URLSearchParams`, a `Map`, pairs, an object. */
export type Pairs<V> = Iterable<readonly [string, V]> | Record<string, V>

/** Them, one by one; what is `undefined` was not given. */
function* pairsOf(name: string, given: unknown): Generator<[string, unknown]> {
  const refused = (what: unknown) => new TypeError(`${name} takes an object of names and values; this is ${kindOf(what)}.`)
  if (typeof given !== 'object' || given === null) throw refused(given)
  if (typeof (given as Iterable<unknown>)[Symbol.iterator] !== 'function') {
    if (!isPlain(given)) throw refused(given)
    yield* Object.entries(given).filter(([, value]) => value !== undefined)
    return
  }
  for (const pair of given as Iterable<unknown>) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new TypeError(`${name} takes pairs of a name and a value; one of these is ${kindOf(pair)}.`)
    }
    if (pair[1] !== undefined) yield pair as [string, unknown]
  }
}

/** Headers as the core reads them; `null` removes one. */
export function headersJson(name: string, given: unknown): Record<string, string | null> | undefined {
  if (given === undefined) return undefined
  // A name such as `__proto__` is one like any other here.
  const headers: Record<string, string | null> = Object.create(null)
  for (const [header, value] of pairsOf(name, given)) {
    if (value !== null && typeof value !== 'string') {
      throw new TypeError(`A value in ${name} must be a string, or null to take the header away; ${header} is ${kindOf(value)}.`)
    }
    const former = Object.keys(headers).find((one) => one.toLowerCase() === header.toLowerCase())
    if (former !== undefined) throw new TypeError(`${name} names ${header} twice.`)
    headers[header] = value
  }
  return headers
}

/** A query as the core reads it: what is named several times becomes a list. */
export function queryJson(name: string, given: unknown): Record<string, unknown> | undefined {
  if (given === undefined) return undefined
  const query: Record<string, unknown> = Object.create(null)
  for (const [key, value] of pairsOf(name, given)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (Array.isArray(value) ? !isPlainWord(one) : one !== null && !isPlainWord(one)) {
        throw new TypeError(`A value in ${name} must be a string, a number or a boolean; ${key} is ${wordOf(one)}.`)
      }
    }
    if (!(key in query)) query[key] = value
    else query[key] = [query[key], value].flat()
  }
  return query
}

function isPlainWord(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

function wordOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : kindOf(value)
}
