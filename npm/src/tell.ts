/**
 * Calls an observer function of the user. If it throws or rejects, the stream is not affected: the error becomes a
 * warning of the process.
 */
export function tell<A extends unknown[]>(name: string, look: (...args: A) => unknown, ...args: A): void {
  const warn = (error: unknown) => {
    const why = error instanceof Error ? (error.stack ?? `${error}`) : describe(error)
    process.emitWarning(`${name} threw; the stream continues.`, { type: 'TurnwireWarning', detail: why })
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
