/** Every name of `T`, which a type alone does not leave behind: the compiler refuses one too few, and one too many. */
export type Names<T> = { readonly [Name in keyof T]-?: true }

/**
 * What was given, which has no names but these: one that is misspelt would be passed over in silence.
 *
 * @param who who takes it
 * @param form how it is written
 * @throws TypeError that names the stray one
 */
export function known<T extends object>(who: string, given: T, names: Names<NoInfer<T>>, form?: string): T {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const [first] = Object.keys(names)
    throw new TypeError(`${who} takes an object, such as ${form ?? `{ ${first} }`}; this is ${kindOf(given)}.`)
  }
  const stray = Object.keys(given).find((name) => !Object.hasOwn(names, name))
  if (stray === undefined) return given
  throw new TypeError(`${who} takes no ${JSON.stringify(stray)}, only ${Object.keys(names).join(', ')}.`)
}

function kindOf(given: unknown): string {
  if (given === null) return 'null'
  return Array.isArray(given) ? 'a list' : `a ${typeof given}`
}
