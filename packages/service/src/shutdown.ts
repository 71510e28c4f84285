import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from './log.ts'

/** Less than the 30 s that Compose and Kubernetes give before they kill. */
const CLOSE_LIMIT_MS = 25_000
const MOMENT_MS = 500
/** A part that takes longer to open, as for a server that is away, has what it stands on closed under it. */
const OPENING_LIMIT_MS = 5_000

type Closable = { close(): Promise<unknown> } | { stop(): Promise<unknown> }

const end = (part: Closable): Promise<unknown> => ('close' in part ? part.close() : part.stop())

/** The parts of a process, each opened on top of those before it, to be closed in the reverse order. */
export class Closers {
  readonly #closers: { name: string; close: () => Promise<unknown> }[] = []
  #opening: Promise<unknown> = Promise.resolve()
  #closing = false

  /**
   * Opens a part. Once the parts are being closed this throws, and a part that was being opened is closed with them: a
   * start that is under way ends there, and builds nothing on parts that are closed.
   */
  open<P extends Closable>(name: string, open: () => P | Promise<P>): Promise<P>
  open<P>(name: string, open: () => P | Promise<P>, close: (part: P) => Promise<unknown>): Promise<P>
  async open<P extends Closable>(
    name: string,
    open: () => P | Promise<P>,
    close: (part: P) => Promise<unknown> = end,
  ): Promise<P> {
    if (this.#closing) throw new Error(`${name} is not opened: the process ends`)
    const opening = (async () => open())()
    this.#opening = opening.catch(() => undefined)
    const part = await opening
    this.#closers.unshift({ name, close: () => close(part) })
    if (this.#closing) throw new Error(`${name} was opened while the process ended`)
    return part
  }

  /**
   * Closes everything within the time limit, which all parts share; what fails is logged, and the rest is closed all the
   * same, if only in a moment.
   */
  async close(log: Logger, limit_ms = CLOSE_LIMIT_MS): Promise<boolean> {
    const until = performance.now() + limit_ms
    let clean = true
    this.#closing = true
    await Promise.race([this.#opening, sleep(Math.min(OPENING_LIMIT_MS, limit_ms), undefined, { ref: false })])
    for (let next = this.#closers.shift(); next !== undefined; next = this.#closers.shift()) {
      const { name, close } = next
      try {
        await within(close(), Math.max(MOMENT_MS, Math.round(until - performance.now())), name)
      } catch (error) {
        clean = false
        log.error({ err: error, part: name }, 'a part did not close as it should')
      }
    }
    return clean
  }
}

async function within(work: Promise<unknown>, limit_ms: number, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} did not close within ${limit_ms} ms`)), limit_ms)
  })
  try {
    await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** npm passes a terminal's Ctrl-C on to a process that has got it already. */
const SAME_SIGNAL_MS = 1_000

/**
 * On SIGTERM or SIGINT closes everything and ends the process: 0 if all closed well. A second signal, more than a second
 * later, ends it at once.
 * @returns whether it is ending: what fails from then on may fail for it
 */
export function endOnSignal(closers: Closers, log: Logger): () => boolean {
  let ending_since = 0
  const end = (signal: NodeJS.Signals) => {
    if (ending_since > 0) {
      if (performance.now() - ending_since > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    ending_since = performance.now()
    log.info({ signal }, 'ending')
    void closers.close(log).then((clean) => process.exit(clean ? 0 : 1))
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  return () => ending_since > 0
}
