import { errorFrom } from './failure.js'
import { hub, outcome } from './hub.js'
import { native } from './native.js'

/** Runs the `turnwire` program in this process, and gives its exit status. SIGINT and SIGTERM are passed on to it. */
export async function runCli(args: string[]): Promise<number> {
  const program = new native.NativeProgram()
  const interrupt = () => program.interrupt(false)
  const terminate = () => program.interrupt(true)
  process.on('SIGINT', interrupt).on('SIGTERM', terminate)
  try {
    const done = await outcome(program.run(hub, ['turnwire', ...args]), () => false)
    if (done?.failure !== undefined) throw errorFrom(done.failure)
    return done?.status ?? 1
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', terminate)
  }
}
