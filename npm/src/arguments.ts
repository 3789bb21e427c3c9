/** Every name of `T`, which a type alone does not leave behind: the compiler refuses one too few, and one too many. */
export type Names<T> = { readonly [Name in keyof T]-?: true }

/**
 * What was given, as a plain object of its own: no name but these, as one that is misspelt would be passed over in
 * silence, and no `null`, which would be taken for something that was not given.
 *
 * @param who the function whose argument it is
 * @param form how it is written
 * @throws TypeError that names the stray one
 */
export function known<T extends object>(who: string, given: T, names: Names<NoInfer<T>>, form?: string): T {
  const [first] = Object.keys(names)
  const refused = () => new TypeError(`${who} takes an object, such as ${form ?? `{ ${first} }`}; this is ${kindOf(given)}.`)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refused()
  const taken: Record<string, unknown> = {}
  for (const name of namesOf(given)) {
    if (!Object.hasOwn(names, name)) {
      throw new TypeError(`${who} takes no ${JSON.stringify(name)}, only ${Object.keys(names).join(', ')}.`)
    }
  }
  for (const name of Object.keys(names)) {
    if (!holds(given, name)) continue
    const value = (given as Record<string, unknown>)[name]
    if (value === null && name !== 'signal') throw new TypeError(`${name} must not be null; leave it out.`)
    if (value !== undefined) taken[name] = value
  }
  // In a Map, a Date or the like no name is found; an AbortController has a signal.
  if (!isPlain(given) && Object.keys(taken).length === 0) throw refused()
  return taken as T
}

/** Its own names, and those it inherits from other plain objects; the members of a class are not considered. */
function namesOf(given: object): string[] {
  const names: string[] = []
  for (let at = given; at !== null && (at === given || !Object.hasOwn(at, 'constructor')); at = Object.getPrototypeOf(at)) {
    names.push(...Object.keys(at))
  }
  return names
}

function holds(given: object, name: string): boolean {
  for (let at = given; at !== null; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, name)) return at === given || Object.getPrototypeOf(at) !== null
  }
  return false
}

/** Whether it is `{…}`, from whatever realm. */
export function isPlain(given: object): boolean {
  const prototype = Object.getPrototypeOf(given)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * Throws for what JSON would lose on the way: functions, symbols and `undefined` vanish, `NaN` becomes `null`, a `Map`
 * becomes `{}`, bytes become an object of numbers.
 *
 * @param name its name for the caller
 * @param free whether what writes itself as JSON, such as a `Date`, may do so
 * @throws TypeError that names it
 */
export function checkJson(name: string, value: unknown, free = false, above: readonly object[] = []): void {
  const refuse = (why: string) => new TypeError(`${name} cannot be sent: it is ${why}.`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(String(value))
    return
  }
  if (typeof value !== 'object') throw refuse(kindOf(value))
  if (above.includes(value)) throw refuse('part of itself')
  const within = [...above, value]
  if (Array.isArray(value)) {
    // Not `forEach`, which passes over holes.
    for (let at = 0; at < value.length; at += 1) checkJson(`${name}[${at}]`, value[at], free, within)
    return
  }
  // The default JSON of bytes is never intended.
  if (free && !ArrayBuffer.isView(value) && typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    const written: unknown = (value as { toJSON(): unknown }).toJSON()
    if (written === null || written === value) throw refuse(`a ${nameOf(value)} that has no JSON`)
    return checkJson(name, written, free, within)
  }
  if (!isPlain(value)) throw refuse(kindOf(value))
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined) checkJson(`${name}.${key}`, inner, free, within)
  }
}

/** The JSON of arguments that {@link checkJson} lets pass; `free` are the names of those that may be any JSON. */
export function argumentsJson(given: Record<string, unknown>, free: readonly string[] = []): string {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) checkJson(name, value, free.includes(name))
  }
  return JSON.stringify(given)
}

/** A description of a value's type, for messages. */
export function kindOf(given: unknown): string {
  if (given === null || given === undefined) return String(given)
  if (Array.isArray(given)) return 'a list'
  const kind = typeof given === 'object' && !isPlain(given) ? nameOf(given) : typeof given
  return `${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}`
}

function nameOf(given: object): string {
  const { constructor } = given as { constructor?: unknown }
  return (typeof constructor === 'function' && constructor.name) || Object.prototype.toString.call(given).slice(8, -1)
}
