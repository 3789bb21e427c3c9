/**
 * Calls a function of the user's that only looks on. What it throws, or what it promised and does not keep, is not the
 * affair of what is looked at, and still no secret: it becomes a warning of the process.
 */
export function tell<A extends unknown[]>(name: string, look: (...args: A) => unknown, ...args: A): void {
  const warn = (error: unknown) => {
    const why = error instanceof Error ? (error.stack ?? `${error}`) : describe(error)
    process.emitWarning(`${name} threw; the stream goes on without it.`, { type: 'TurnwireWarning', detail: why })
  }
  // Later, so that it finds the stream between two steps; by a promise, which no test's clock replaces.
  void Promise.resolve().then(() => look(...args)).then(undefined, warn)
}

function describe(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return typeof thrown
  }
}
