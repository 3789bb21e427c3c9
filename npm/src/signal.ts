/** The waiters of one signal. They share one listener, because Node reports more than ten listeners as a leak. */
interface Waiting {
  readonly waiting: Set<() => void>
  readonly listener: () => void
}

// Keyed weakly, so that this is collected together with the signal.
const signals = new WeakMap<AbortSignal, Waiting>()

/** Calls `aborted` once when the signal is aborted; the returned function removes it, and has to be called at the end. */
export function onAbort(signal: AbortSignal | null | undefined, aborted: () => void): () => void {
  if (signal === null || signal === undefined) return () => {}
  // A function of its own, as the same one may wait twice.
  const entry = () => aborted()
  let all = signals.get(signal)
  if (all === undefined) {
    const waiting = new Set<() => void>()
    const listener = () => {
      signals.delete(signal)
      for (const one of [...waiting]) one()
    }
    all = { waiting, listener }
    signals.set(signal, all)
    signal.addEventListener('abort', listener, { once: true })
  }
  const { waiting, listener } = all
  waiting.add(entry)
  return () => {
    waiting.delete(entry)
    if (waiting.size > 0 || signals.get(signal)?.waiting !== waiting) return
    signals.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

const left = new FinalizationRegistry<() => void>((off) => off())

/**
 * As {@link onAbort}, for something that its user may just leave: the signal, which may live as long as the process,
 * does not keep it alive.
 *
 * @param aborted called with the holder; it must not refer to the holder itself
 */
export function onAbortOf<T extends object>(
  holder: T,
  signal: AbortSignal | null | undefined,
  aborted: (holder: T) => void,
): () => void {
  const held = new WeakRef(holder)
  const off = onAbort(signal, () => {
    const alive = held.deref()
    if (alive !== undefined) aborted(alive)
  })
  left.register(holder, off, off)
  return () => {
    left.unregister(off)
    off()
  }
}
