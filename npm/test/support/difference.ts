/**
 * The first difference between what is expected and what is there. Members that are not named are not looked at, `null`
 * expects absence.
 */
export function difference(expected: unknown, found: unknown, at = 'it'): string | undefined {
  if (isObject(expected) && isObject(found)) {
    for (const [name, value] of Object.entries(expected)) {
      const differs = difference(value, found[name], `${at}.${name}`)
      if (differs !== undefined) return differs
    }
    if (!Array.isArray(expected) || !Array.isArray(found) || expected.length === found.length) return undefined
  }
  if (expected === (found ?? null)) return undefined
  return `${at} should be ${JSON.stringify(expected)}, is ${JSON.stringify(found)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
