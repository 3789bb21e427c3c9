import { errorFrom } from './failure.js'
import { hub, outcome } from './hub.js'
import { native } from './native.js'

/** The signals that end a program; a server then ends its turns and its agent before it exits. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Runs the `turnwire` program in this process and returns its exit status. Signals that end a program are forwarded. */
export async function runCli(args: string[]): Promise<number> {
  const program = new native.NativeProgram()
  const passOn = (signal: string) => program.interrupt(signal)
  for (const signal of SIGNALS) process.on(signal, passOn)
  try {
    const done = await outcome(program.run(hub, ['turnwire', ...args]), () => false)
    if (done?.failure !== undefined) throw errorFrom(done.failure)
    return done?.status ?? 1
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn)
  }
}
