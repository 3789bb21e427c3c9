import { setInterval } from 'node:timers'
import { native, type NativeOutcome, type NativeTask } from './native.js'

const waiting = new Map<number, () => void>()

// Node's own timer: test environments put others in its place, whose answer is a number.
// The native wake-up does not keep the process alive, so that an idle client does not; this does while anything waits.
const keepAlive = setInterval(() => {}, 2 ** 31 - 1)
keepAlive.unref()

/** One for all clients and streams of this thread: many that become ready together cost one wake-up. */
export const hub = new native.NativeHub(() => {
  for (const id of hub.take()) wake(id)
})

/** Settles when the core has something new for `id`. Poll before: the core wakes once for each poll in vain. */
export function ready(id: number): Promise<void> {
  return new Promise((resolve) => {
    const former = waiting.get(id)
    waiting.set(id, former === undefined ? resolve : () => (former(), resolve()))
    keepAlive.ref()
  })
}

/** Ends the wait for `id`, if anyone waits. */
export function wake(id: number): void {
  const resolve = waiting.get(id)
  if (resolve === undefined) return
  waiting.delete(id)
  if (waiting.size === 0) keepAlive.unref()
  resolve()
}

/** The outcome of the task; nothing once `stopped`. */
export async function outcome(task: NativeTask, stopped: () => boolean): Promise<NativeOutcome | undefined> {
  while (!stopped()) {
    const done = task.poll()
    if (done !== null) return done
    await ready(task.id)
  }
  return undefined
}
