// The tasks of a client, one a process: CLIENT KIND TASK BASE NUMBERS…. Each prints one line of `name=value` words.
//
// A client is made by `make(base)` and has `read(load, see)`, which shows every delta of the turn that the load names.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const now = () => process.hrtime.bigint()

/** Processor time in microseconds, voluntary context switches and time on the clock, since it was made. */
class Usage {
  #used = process.resourceUsage()
  #start = now()

  taken() {
    const wall = Number(now() - this.#start) / 1e3
    const used = process.resourceUsage()
    const cpu = used.userCPUTime + used.systemCPUTime - this.#used.userCPUTime - this.#used.systemCPUTime
    return { cpu, switches: used.voluntaryContextSwitches - this.#used.voluntaryContextSwitches, wall }
  }
}

const resident = () => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4096

/** Reads a turn as fast as it comes, on the connection that a first turn has warmed. */
async function fast(make, base, writes, warm, deltas) {
  const client = make(base)
  let events = 0
  let sum = 0
  const see = (delta) => {
    events += 1
    sum += delta.length
  }
  await client.read(`${writes}-${warm}`, see)
  events = sum = 0
  const usage = new Usage()
  await client.read(`${writes}-${deltas}`, see)
  const { cpu, switches, wall } = usage.taken()
  return `events=${events} sum=${sum} cpu_us=${cpu} switches=${switches} wall_us=${wall}`
}

/** How long the first delta takes from the call, on a warm connection. */
async function first(make, base, times) {
  const client = make(base)
  let took = []
  let events = 0
  let sum = 0
  for (let at = 0; at < Number(times); at += 1) {
    const start = now()
    let came
    await client.read('event-3', (delta) => {
      came ??= Number(now() - start) / 1e3
      events += 1
      sum += delta.length
    })
    took.push(came)
  }
  // The first tenth warms the connection and the code.
  took = took.slice(Math.floor(took.length / 10)).sort((a, b) => a - b)
  return `events=${events} sum=${sum} first_us=${took[Math.floor(took.length / 2)]}`
}

/** Streams that stay open, and what has come on them. */
class Open {
  seen = 0
  late = []
  #begun = 0
  #streams = 0
  #ended

  constructor(make, base, rate) {
    this.client = make(base)
    this.load = `paced-${rate}`
  }

  async #one() {
    let begun = false
    await this.client.read(this.load, (delta) => {
      if (!begun) {
        begun = true
        this.#begun += 1
      }
      this.seen += 1
      if (this.seen % 8 === 0) this.late.push(Number(now() - BigInt(delta)) / 1e3)
    })
    throw new Error('a paced stream ended')
  }

  /** Opens streams until there are so many, and waits until each has shown its first delta. */
  async upTo(streams) {
    for (; this.#streams < streams; this.#streams += 1) this.#one().catch((error) => { this.#ended = error })
    while (this.#begun < streams) {
      this.whole()
      await sleep(20)
    }
  }

  /** Throws if a stream has ended. */
  whole() {
    if (this.#ended) throw this.#ended
  }
}

/** Many streams at a pace: what they take of a core, and how late the deltas are seen. */
async function paced(make, base, streams, rate, seconds) {
  const open = new Open(make, base, rate)
  await open.upTo(Number(streams))
  await sleep(1000)
  open.seen = 0
  open.late = []
  const usage = new Usage()
  await sleep(Number(seconds) * 1000)
  const { cpu, switches, wall } = usage.taken()
  const late = open.late.sort((a, b) => a - b)
  const [p50, p99] = [50, 99].map((share) => late[Math.floor((late.length * share) / 100)])
  open.whole()
  return `events=${open.seen} core=${cpu / wall} switches=${switches} p50_us=${p50} p99_us=${p99} wall_us=${wall}`
}

/** What each further stream adds to the resident memory. */
async function memory(make, base, few, many) {
  const open = new Open(make, base, 1)
  const at = []
  for (const streams of [Number(few), Number(many)]) {
    await open.upTo(streams)
    await sleep(2000)
    at.push(resident())
  }
  open.whole()
  return `rss=${at[1]} rss_each=${(at[1] - at[0]) / (many - few)}`
}

/** What a client costs to make: the first, and each further one. */
async function construct(make, base, times) {
  const start = new Usage()
  const kept = [make(base)]
  const first = start.taken().cpu
  const usage = new Usage()
  for (let at = 0; at < Number(times); at += 1) kept.push(make(base))
  return `construct_first_us=${first} construct_each_us=${usage.taken().cpu / Number(times)}`
}

/** Does what the arguments of the process say. */
export async function main(kinds) {
  const [kind, task, base, ...numbers] = process.argv.slice(2)
  const line = await { fast, first, paced, memory, construct }[task](kinds[kind], base, ...numbers)
  // Thousands of streams may be open: the end of the process closes them.
  process.stdout.write(`${line}\n`, () => process.exit(0))
}
