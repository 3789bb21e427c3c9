import { errorFrom } from './failure.js'
import { hub, outcome } from './hub.js'
import { native } from './native.js'

const STATUS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 }

/** Runs the `turnwire` program in this process. A signal stops it; the exit status says so. */
export async function runCli(args: string[]): Promise<number> {
  const program = new native.NativeProgram()
  let caught: number | undefined
  const stop = (signal: NodeJS.Signals) => {
    caught ??= STATUS[signal]
    program.stop()
  }
  for (const signal of Object.keys(STATUS)) process.on(signal, stop)
  try {
    const done = await outcome(program.run(hub, args), () => false)
    if (done?.failure !== undefined) throw errorFrom(done.failure)
    return caught ?? done?.status ?? 1
  } finally {
    for (const signal of Object.keys(STATUS)) process.off(signal, stop)
  }
}
