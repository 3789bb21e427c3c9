/**
 * Lets `using` and `await using` close what can be closed. Where the platform has no symbol for it (an old browser's DOM, a
 * sandbox), the method of that name is left out; `close()` is there.
 */
export function disposable(prototype: { close(): void }): void {
  const methods = { dispose: function (this: { close(): void }) { this.close() }, asyncDispose: dispose }
  for (const [name, value] of Object.entries(methods)) {
    const symbol: unknown = (Symbol as unknown as Record<string, unknown>)[name]
    if (typeof symbol === 'symbol') Object.defineProperty(prototype, symbol, { value, configurable: true, writable: true })
  }
}

async function dispose(this: { close(): void }): Promise<void> {
  this.close()
}
